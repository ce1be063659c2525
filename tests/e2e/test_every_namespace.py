"""One controller for all namespaces, on KServe: two Models of one name go their own ways to production."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cluster import monitoring
from tests.cluster.commands import wait_until
from tests.e2e import registry
from tests.e2e.kube import Kube
from tests.e2e.life import MODEL, Life, installed, release, version
from tests.e2e.load import Load

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.timeout(900)]


class Town:
    """A namespace with a Model `recipes` of its own, kept by the controller of another."""

    def __init__(self, world, bed, name: str) -> None:
        self.name = f"{world.kube.namespace}-{name}"
        self.host = f"recipes.{self.name}.example"
        self.kube = Kube(bed, self.name)
        self.life = Life(replace(world, kube=self.kube), world.volumes / "feedback")
        self._world = world

    def trains(self, number: str) -> str:
        return registry.train(self._world.kube, self._world.images["jobs"], number, f"{self.name}.recipes")

    def load(self) -> Load:
        return Load(self._world.gateway, self.host, per_second=5)

    def close(self) -> None:
        release(self.kube)
        self.kube("delete", "namespace", self.name, "--wait=true", "--timeout=120s")


@pytest.fixture
def towns(world, bed):
    pair = Town(world, bed, "a"), Town(world, bed, "b")
    for town in pair:
        town.kube.open()
    yield pair
    for town in pair:
        town.close()


def test_two_models_of_one_name_come_to_production_and_a_canary_of_one_leaves_the_other_alone(world, towns):
    a, b = towns
    digests = {(town, "1.0.0"): town.trains("1.0.0") for town in towns} | {(a, "1.1.0"): a.trains("1.1.0")}
    spec = MODEL["spec"] | {"serving": {"resources": MODEL["spec"]["serving"]["resources"]}}
    values = {
        "controller.scope": "cluster", "feedback.claim": "", "modelNamespaces": f"{{{a.name},{b.name}}}",
        "prometheus": monitoring.URL, "registry": f"http://mlflow.{world.kube.namespace}.svc:{registry.PORT}",
    }  # fmt: skip
    with installed(world, world.volumes / "feedback", **values):
        for town in towns:
            town.kube.apply(MODEL | {"spec": spec}, version("1.0.0"))
        for town in towns:
            town.life.wait("1.0.0", "Production", seconds=240)
            assert town.life.status("1.0.0")["artifact"]["digest"] == digests[town, "1.0.0"]
        before = b.kube.get("modelversion", version("1.0.0")["metadata"]["name"])

        with a.load() as of_a, b.load() as of_b:
            of_a.wait_for(10)
            a.kube.apply(version("1.1.0"))
            a.life.wait("1.1.0", "Production", seconds=240)
            of_a.wait_for(10)
            of_b.wait_for(10)
        assert (set(of_a.answers), set(of_b.answers)) == ({200}, {200}), (of_a.failures[:3], of_b.failures[:3])
        assert (set(of_a.versions), set(of_b.versions)) == ({"1.0.0", "1.1.0"}, {"1.0.0"})
        assert a.life.status("1.0.0")["stage"] == "Archived"
        after = b.kube.get("modelversion", version("1.0.0")["metadata"]["name"])
        assert after["status"] == before["status"], "the other was not touched"

        for town in towns:
            assert [each["metadata"]["name"] for each in town.kube.list("poddisruptionbudgets")]
            town.kube("delete", "modelversion,model", "--all", "--wait=true", "--timeout=120s")
            wait_until(lambda town=town: not town.kube.list("inferenceservices"), "nothing is left")
