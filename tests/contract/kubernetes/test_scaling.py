"""What the controller asks of KServe about pods: the real schema of an InferenceService takes all of it, by name."""

from __future__ import annotations

import pytest
import yaml

from controller.actions import EnsureServing
from controller.cluster.serving import inference_service
from controller.resource.meta import Meta
from controller.resource.model import Autoscaling, Load, Serving
from tests.builders.surroundings import SETTINGS
from tests.cluster.commands import run, wait_established
from tests.cluster.controller_process import make_kinds
from tests.cluster.toolchain import NotBuilt, module_folder, toolset

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

CRD = "config/crd/full/serving.kserve.io_inferenceservices.yaml"
WHOLE = SETTINGS.model_copy(
    update={"prometheus": "http://prometheus:9090", "predictor_priority_class": "system-cluster-critical",
            "feedback_claim": "feedback", "user_salt_secret": "salt"}
)  # fmt: skip
SERVINGS = {
    "one pod": Serving(),
    "a ceiling alone": Serving(max_replicas=4),
    "processor": Serving(min_replicas=2, max_replicas=4, autoscaling=Autoscaling(target=60)),
    "memory": Serving(max_replicas=4, autoscaling=Autoscaling(metric=Load.MEMORY)),
    "requests, by KEDA": Serving(max_replicas=4, autoscaling=Autoscaling(metric=Load.REQUESTS, target=40)),
}


@pytest.fixture(scope="module")
def kubectl(kubeconfig):
    """At a server that has KServe's own kind; afterwards the stand-in of the other tests is there again."""
    try:
        crd = module_folder("kserve", "github.com/kserve/kserve") / CRD
    except NotBuilt as absent:
        pytest.skip(str(absent))
    make_kinds(kubeconfig)
    command = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
    run(*command, "apply", "--server-side", "--force-conflicts", "-f", crd)
    wait_established(command, "inferenceservices.serving.kserve.io")
    yield command
    run(*command, "delete", "crd", "inferenceservices.serving.kserve.io")
    make_kinds(kubeconfig)


@pytest.mark.parametrize("serving", SERVINGS.values(), ids=SERVINGS.keys())
def test_kserves_schema_knows_every_field(serving, kubectl, namespace):
    action = EnsureServing(
        name="recipes-1-0-0", version="1.0.0", digest=f"sha256:{'a' * 64}", serving=serving, revision="r1"
    )
    made = inference_service(action, WHOLE, Meta(name="recipes", namespace=namespace, uid="u"), source=None)
    run(*kubectl, "--namespace", namespace, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-",
        text=yaml.safe_dump(made))  # fmt: skip
