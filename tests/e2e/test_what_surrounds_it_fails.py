"""What the controller leans on fails in the middle of a rollout: it waits, says why, goes on; and users lose nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mlops.artifact.manifest import MANIFEST_FILE, read_manifest
from mlops.model_registry import open_registry
from mlops.registering import register_artifact
from tests.cluster.commands import wait_until
from tests.e2e import registry
from tests.e2e.life import HOST, MODEL, installed, version
from tests.e2e.load import Load
from tests.e2e.prometheus import running_prometheus

if TYPE_CHECKING:
    from tests.e2e.life import Life

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.timeout(900)]
# Long enough that something can happen in a step; every gate of a version that is as good as the last one passes.
PATIENT = MODEL["spec"] | {
    "evaluation": {"gates": [], "replay": {"queries": 0}},
    "rollout": MODEL["spec"]["rollout"] | {"steps": [{"weight": 20, "pauseSeconds": 20}]},
}
SILENCE = 25  # seconds, of a check every 5


@pytest.fixture(scope="module")
def prometheus(world, tmp_path_factory):
    with running_prometheus(world.kube, tmp_path_factory.mktemp("prometheus") / "prometheus") as prometheus:
        yield prometheus


@pytest.fixture(scope="module")
def life(world, bed, prometheus):
    if bed.own is None:
        pytest.skip("what surrounds the controller is only ours to break on our own bed")
    with installed(world, world.volumes / "feedback-2", prometheus=prometheus.url) as life:
        life.kube.apply(MODEL | {"spec": PATIENT}, version("1.0.0"))
        life.wait("1.0.0", "Production")
        yield life


@pytest.fixture
def users(life):
    with Load(life.world.gateway, HOST, per_second=10) as load:
        load.wait_for(10)
        yield load
    assert set(load.answers) == {200}, load.failures[:3]


def send(life: Life, number: str, folder) -> None:
    """Register the recipes of 1.0.0 under another number, and apply it."""
    with open_registry(f"http://{life.kube.address('mlflow')}:{registry.PORT}", lambda: datetime.now(UTC)) as opened:  # noqa: TID251 - the real registry keeps the real time
        artifact = opened.download(opened.get("recipes", "1.0.0"), folder / "artifact")
        manifest = replace(read_manifest(artifact), version=number)
        (artifact / MANIFEST_FILE).unlink()
        (artifact / MANIFEST_FILE).write_bytes(manifest.to_bytes())
        register_artifact(opened, artifact, read_manifest(artifact), by="a test", why="another one as good")
    life.kube.apply(version(number))


def in_canary(life: Life, number: str) -> None:
    wait_until(lambda: life.status(number).get("weight", 0) == 20, f"users of {number}", seconds=120)


def test_without_prometheus_nothing_goes_on_or_back_and_with_it_all_does(life, users, prometheus, tmp_path):
    send(life, "2.0.0", tmp_path)
    in_canary(life, "2.0.0")
    with prometheus.process.frozen():
        time.sleep(SILENCE)
        status = life.status("2.0.0")
        assert (status["stage"], life.weights()["recipes-2-0-0"]) == ("Staging", 20)
        assert status["canary"]["checks"]["last"] == "Error", status["canary"]["checks"]
    life.wait("2.0.0", "Production", seconds=180)


def test_an_api_server_that_crashes_is_outlived(life, bed, users, tmp_path):
    send(life, "2.1.0", tmp_path)
    in_canary(life, "2.1.0")
    before = users.answers.total()
    bed.own.crash_api()
    users.wait_for(20)
    assert users.answers.total() > before
    life.wait("2.1.0", "Production", seconds=240)
    assert life.weights() == {"recipes-2-1-0": 100}


def test_kserve_that_does_not_answer_is_waited_for(life, bed, users, tmp_path):
    """Its webhook refuses by silence: no InferenceService can be made, and the controller says so and tries again."""
    with bed.own.kserve.frozen():
        send(life, "2.2.0", tmp_path)
        wait_until(
            lambda: "webhook" in life.kube("logs", "--selector", "app.kubernetes.io/component=controller", "--tail=400"),
            "the controller says that the webhook does not answer", seconds=120,
        )  # fmt: skip
        assert life.stage("2.2.0") == "Staging"
        assert life.stage("2.1.0") == "Production"
    life.wait("2.2.0", "Production", seconds=240)
