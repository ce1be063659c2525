"""Pods of a version become more as users do, by the HPA that KServe makes; a rollout goes on meanwhile."""

from __future__ import annotations

import pytest

from tests.cluster import monitoring
from tests.cluster.commands import wait_until
from tests.cluster.resource_metrics import resource_metrics
from tests.cluster.toolchain import NotBuilt, toolset
from tests.e2e import registry
from tests.e2e.life import HOST, MODEL, installed, version
from tests.e2e.load import Load

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.timeout(900)]
QUERIES = ("lentil soup", "apple pie", "fish curry", "tomato salad")  # a replay asks what was asked
SPEC = MODEL["spec"] | {"serving": {
    "hostname": HOST, "minReplicas": 1, "maxReplicas": 3, "autoscaling": {"metric": "cpu", "target": 50},
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}},
}}  # fmt: skip


@pytest.fixture
def measured(bed, tmp_path):
    """Somebody who answers what pods use."""
    try:
        toolset("metrics-server").program("metrics-server")
    except NotBuilt as absent:
        pytest.skip(f"{absent}: python -m tests.cluster.toolchain metrics-server")
    with resource_metrics(bed.kubectl, bed.kubeconfig, tmp_path / "metrics"):
        yield


def test_many_users_get_more_pods_and_the_next_version_takes_them_over(world, measured):
    kube = world.kube
    registry.train(kube, world.images["jobs"], "1.1.0")

    def ready(number: str) -> int:
        deployment = kube.get("deployment", f"{version(number)['metadata']['name']}-predictor")
        return deployment.get("status", {}).get("readyReplicas", 0)

    with installed(world, world.volumes / "feedback", prometheus=monitoring.URL) as life:
        kube.apply(MODEL | {"spec": SPEC}, version("1.0.0"))
        life.wait("1.0.0", "Production")
        assert ready("1.0.0") == 1
        generation = kube.get("inferenceservice", "recipes-1-0-0")["metadata"]["generation"]

        with Load(world.gateway, HOST, per_second=40, threads=8, queries=QUERIES) as load:
            wait_until(lambda: ready("1.0.0") >= 2, "more pods", seconds=180)
            after = kube.get("inferenceservice", "recipes-1-0-0")["metadata"]["generation"]
            assert after == generation, "nobody fights over the number of pods"
            kube.apply(version("1.1.0"))
            life.wait("1.1.0", "Production", seconds=300)
            wait_until(lambda: ready("1.1.0") >= 2, "more pods of the next", seconds=180)
            load.wait_for(100)

        assert set(load.answers) == {200}, load.failures[:3]
        kube("delete", "modelversion,model", "--all", "--wait=true", "--timeout=120s")
