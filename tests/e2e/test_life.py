"""The life of versions in a cluster: the chart is installed, ModelVersions are applied, users ask all the while."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops.artifact.manifest import read_manifest
from mlops.embedded.registering import register_artifact
from mlops.model_registry import open_registry
from tests.cluster.commands import run, say, wait_until
from tests.cluster.images import ROOT
from tests.cluster.toolchain import toolset
from tests.e2e import registry
from tests.e2e.load import Load
from tests.e2e.prometheus import running_prometheus
from tests.e2e.spoiling import spoilt

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HOST = "life.recipes.test"
API = "mlops.recipe-recommender.io/v1alpha1"
MODEL = {
    "apiVersion": API, "kind": "Model", "metadata": {"name": "recipes"},
    "spec": {
        "serving": {"hostname": HOST, "resources": {"limits": {"memory": "1Gi"}}},
        "evaluation": {"gates": [{"metric": "ndcg@10", "threshold": "0.3"}], "replay": {"queries": 0}},
        "rollout": {
            "steps": [{"weight": 20, "pauseSeconds": 5}, {"weight": 50, "pauseSeconds": 5}],
            "analysis": {
                "intervalSeconds": 5, "windowSeconds": 30,
                "gates": [{"metric": "error-rate", "minAbsoluteChange": "-0.02", "minSamples": 10}],
            },
        },
        "rollback": {"bakeSeconds": 20},
    },
}  # fmt: skip


def version(number: str) -> dict:
    return {
        "apiVersion": API, "kind": "ModelVersion", "metadata": {"name": f"recipes-{number.replace('.', '-')}"},
        "spec": {"model": "recipes", "version": number},
    }  # fmt: skip


CRDS = [f"{plural}.mlops.recipe-recommender.io" for plural in ("models", "modelversions", "modelapprovals")]


class Life:
    """The controller in the cluster, and what it says of a version."""

    def __init__(self, world) -> None:
        self.world = world
        self.kube = world.kube

    def stage(self, number: str) -> str:
        return self.kube.get("modelversion", version(number)["metadata"]["name"]).get("status", {}).get("stage", "")

    def wait(self, number: str, stage: str, seconds: float = 180) -> None:
        wait_until(lambda: self.stage(number) == stage, f"{number} in {stage}", seconds=seconds)

    def weights(self) -> dict[str, int]:
        """The split as the Gateway has it."""
        (rule,) = self.kube.get("httproute", "recipes")["spec"]["rules"]
        return {each["name"].removesuffix("-predictor"): each["weight"] for each in rule["backendRefs"]}


def release(kube) -> None:
    """Let go of what the controller holds: without one, its namespace would never end."""
    for kind in ("models", "modelversions"):
        for each in kube.list(kind):
            kube("patch", kind, each["metadata"]["name"], "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


@pytest.fixture(scope="module")
def life(world, tmp_path_factory):
    kube = world.kube
    registry.train(kube, world.images["jobs"], "1.1.0")
    with running_prometheus(kube, tmp_path_factory.mktemp("prometheus") / "prometheus") as prometheus:
        values = {f"images.{role}": name for role, name in world.images.items()}
        values |= {"registry": world.registry, "prometheus": prometheus.url, "gateway": "gateway/recipes"}
        settings = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        helm = toolset("helm").program("helm")
        # Kept by an uninstall, as they should be, and then another namespace's.
        kube("delete", "crd", "--ignore-not-found", *CRDS)
        run(helm, "--kubeconfig", kube.kubeconfig, "upgrade", "--install", "rr", ROOT / "charts" / "recipe-recommender",
            "--namespace", kube.namespace, "--wait", "--timeout", "3m", *settings)  # fmt: skip
        try:
            kube.apply(MODEL, version("1.0.0"))
            yield Life(world)
        finally:
            say(kube("logs", "deployment/rr-controller", "--tail=200"))
            run(helm, "--kubeconfig", kube.kubeconfig, "uninstall", "rr", "--namespace", kube.namespace, "--wait")
            release(kube)


def test_the_first_version_goes_to_production_by_itself(life):
    life.wait("1.0.0", "Production")

    assert life.weights() == {"recipes-1-0-0": 100}


def test_a_better_version_is_rolled_out_step_by_step_and_no_request_is_lost(life):
    life.wait("1.0.0", "Production")
    seen = []
    with Load(life.world.gateway, HOST, per_second=20) as load:
        load.wait_for(20)
        life.kube.apply(version("1.1.0"))

        def promoted() -> bool:
            weights = life.weights()
            if not seen or seen[-1] != weights:
                seen.append(weights)
            return life.stage("1.1.0") == "Production"

        wait_until(promoted, "1.1.0 in Production", seconds=300)
        load.wait_for(20)

    assert [each.get("recipes-1-1-0", 0) for each in seen] == [0, 20, 50, 100]
    assert set(load.answers) == {200}, load.failures[:3]
    assert set(load.versions) == {"1.0.0", "1.1.0"}


def test_a_version_that_fails_its_users_is_taken_back(life, tmp_path):
    life.wait("1.1.0", "Production")
    with open_registry(f"http://{life.kube.address('mlflow')}:{registry.PORT}", lambda: datetime.now(UTC)) as opened:  # noqa: TID251 - the real registry keeps the real time
        artifact = opened.download(opened.get("recipes", "1.1.0"), tmp_path / "artifact")
        bad = spoilt(artifact, "1.2.0", tmp_path / "bad", every=9)  # "apple pie" meets one, what warms a model does not
        register_artifact(opened, bad, read_manifest(bad), by="a test", why="spoilt")
    lenient = MODEL["spec"] | {"evaluation": {"gates": [], "replay": {"queries": 0}}}
    with Load(
        life.world.gateway, HOST, per_second=20, queries=("lentil soup", "apple pie", "rice", "beef", "salad")
    ) as load:
        life.kube.apply(MODEL | {"spec": lenient}, version("1.2.0"))
        life.wait("1.2.0", "Archived", seconds=240)
        load.wait_for(20)

    status = life.kube.get("modelversion", "recipes-1-2-0")["status"]
    assert status["reason"] == "AnalysisFailed"
    assert "error-rate" in status["message"]
    assert life.weights() == {"recipes-1-1-0": 100}
    assert life.stage("1.1.0") == "Production"
    told = life.kube.list("events")
    assert any(each["reason"] == "AnalysisFailed" for each in told)
