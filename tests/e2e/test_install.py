"""A first user: the README's commands, a version to production, a second one as a canary, helm's own test, and away again.

Users ask all the while, and lose nothing: not by an upgrade, and not when the release is uninstalled, for what serves
them is the versions' own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.chart import CHART, settings
from tests.cluster.commands import run, wait_until
from tests.cluster.runtime import ctr
from tests.cluster.toolchain import NotBuilt, build, toolset
from tests.e2e.kube import Kube
from tests.e2e.life import CONTROLLER, CRDS, release
from tests.e2e.load import Load
from tests.e2e.pods import local_volume, volume_name
from tests.e2e.prometheus import running_prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
HOST = "recipes.example"


class FirstUser:
    """Types helm and kubectl in a namespace."""

    def __init__(self, kube: Kube, images: dict[str, str], gateway: str, prometheus: str, helm: Path) -> None:
        self.kube = kube
        self.gateway = gateway
        self._helm = helm
        self._values = {f"images.{role}": name for role, name in images.items()} | {
            "prometheus": prometheus, "sample.enabled": "true", "mlflow.storage.claim": "mlflow",
        }  # fmt: skip

    def helm(self, verb: str, *words: str | Path) -> str:
        return run(self._helm, "--kubeconfig", self.kube.kubeconfig, verb, *words, "--namespace", self.kube.namespace)

    def install(self, chart: Path = CHART, **values: str) -> str:
        return self.helm("upgrade", "--install", "rr", chart, "--timeout", "10m", *settings(self._values | values))

    def recipes(self, *words: str) -> str:
        """`kubectl recipes`, found on the path as kubectl finds its plugins."""
        path = os.pathsep.join(
            [str(Path(sys.executable).parent), str(toolset("kubernetes").folder), os.environ["PATH"]]
        )
        done = subprocess.run(
            ["kubectl", "recipes", *words, "-n", self.kube.namespace], capture_output=True, text=True, timeout=600,
            env=os.environ | {"PATH": path, "KUBECONFIG": str(self.kube.kubeconfig), "COLUMNS": "200"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict:
        return json.loads(self.recipes("status", "--json"))

    def predictor_image(self) -> str:
        """The image that predictors were made of."""
        return self._values["images.predictor"]

    def pods(self) -> dict[str, str]:
        """Those that serve, by uid."""
        selector = "mlops.recipe-recommender.io/purpose=serving"
        return {each["metadata"]["uid"]: each["metadata"]["name"] for each in self.kube.list("pods", selector)}


@contextmanager
def first_user(bed, folder: Path, helm: Path):
    namespace = f"install-{uuid.uuid4().hex[:6]}"
    kube = Kube(bed, namespace)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }})  # fmt: skip
    volume = bed.volumes / namespace
    kube("delete", "crd", "--ignore-not-found", *CRDS)  # kept by an uninstall before
    kube.apply(*local_volume(kube, "mlflow", volume, "5Gi"))
    try:
        with running_prometheus(kube, folder / "prometheus") as prometheus:
            yield FirstUser(kube, bed.images, bed.gateway, prometheus.url, helm)
    finally:
        run(
            helm,
            "--kubeconfig",
            kube.kubeconfig,
            "uninstall",
            "rr",
            "--namespace",
            namespace,
            "--ignore-not-found",
            "--wait",
        )
        release(kube)
        kube("delete", "namespace", namespace, "--wait=true", "--timeout=120s")
        kube("delete", "persistentvolume", volume_name(kube, "mlflow"), "--ignore-not-found")
        shutil.rmtree(volume, ignore_errors=True)


@pytest.fixture(scope="module")
def user(bed, tmp_path_factory):
    with first_user(bed, tmp_path_factory.mktemp("install"), toolset("helm").program("helm")) as user:
        user.install()
        yield user


def test_one_command_brings_a_version_into_production(user):
    told = user.recipes("wait", "1.0.0", "--timeout", "300")

    assert "1.0.0 is in Production" in told
    with Load(user.gateway, HOST, per_second=5) as load:
        load.wait_for(5)
    assert set(load.versions) == {"1.0.0"}, load.failures


def test_another_command_brings_a_second_one_as_a_canary_and_no_user_loses_an_answer(user):
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.install(**{"sample.version": "1.1.0"})
        wait_until(lambda: user.status()["traffic"].get("1.1.0", 0) in (10, 50), "a canary", seconds=120)
        user.recipes("wait", "1.1.0", "--timeout", "300")
        load.wait_for(20)

    assert set(load.answers) == {200}, load.failures[:3]
    assert set(load.versions) == {"1.0.0", "1.1.0"}


def test_who_is_on_call_sees_the_children_and_reads_their_logs(user):
    found = user.status()

    assert {each["kind"] for each in found["children"]} >= {"HTTPRoute", "InferenceService"}
    assert all(each["well"] for each in found["children"]), found["children"]
    assert "artefact fetched" in user.recipes("logs", "1.1.0", "--tail", "-1")
    lines = [json.loads(line.partition("] ")[2]) for line in user.recipes("logs", "--tail", "-1").splitlines()]
    promoted = [each for each in lines if each["event"] == "version" and each["reason"] == "Promoting"]
    assert list(dict.fromkeys(each["version"] for each in promoted)) == ["1.0.0", "1.1.0"]


def test_an_upgrade_leaves_alone_what_serves_and_another_image_replaces_it_without_a_lost_answer(user, bed):
    """A version keeps the image that it was judged with, until somebody names another in the Model."""
    if bed.own is None:
        pytest.skip("only of our own node can an image be given a second name")
    image = user.predictor_image()
    ctr("image", "tag", "--force", f"docker.io/{image}", "docker.io/recipe-recommender/predictor:next")
    before, controllers = user.pods(), {each["metadata"]["uid"] for each in user.kube.list("pods", CONTROLLER)}
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.install(**{"sample.version": "1.1.0", "images.predictor": "recipe-recommender/predictor:next"})
        wait_until(
            lambda: not controllers & {each["metadata"]["uid"] for each in user.kube.list("pods", CONTROLLER)},
            "other controllers", seconds=120,
        )  # fmt: skip
        load.wait_for(50)
        assert user.pods() == before
        serving = '{"spec": {"serving": {"image": "recipe-recommender/predictor:next"}}}'
        user.kube("patch", "model", "recipes", "--type=merge", "-p", serving)
        wait_until(lambda: not set(user.pods()) & set(before), "other predictors", seconds=180)
        load.wait_for(50)

    assert set(load.answers) == {200}, load.failures[:3]
    assert user.status()["model"]["production"] == "1.1.0"


def test_helms_own_test_takes_a_version_to_production_and_back(user):
    told = user.helm("test", "rr", "--timeout", "10m", "--logs")

    assert "a version went to production and back" in told
    assert {each["metadata"]["name"] for each in user.kube.list("models")} == {"recipes"}, "it leaves nothing behind"


def test_uninstalled_the_versions_stay_and_serve_and_an_installation_takes_them_up(user):
    before = user.pods()
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.helm("uninstall", "rr", "--wait")
        wait_until(lambda: not user.kube.list("pods", CONTROLLER), "no controller")
        assert {each["spec"]["version"] for each in user.kube.list("modelversions")} == {"1.0.0", "1.1.0"}
        load.wait_for(20)
        user.install(**{"sample.version": "1.1.0"})
        wait_until(lambda: user.status()["model"]["running"], "a controller", seconds=120)
        load.wait_for(20)

    assert set(load.answers) == {200}, load.failures[:3]
    assert user.status()["model"]["production"] == "1.1.0"
    assert set(user.pods()) <= set(before), "nothing that serves was started anew"


def test_a_model_that_is_deleted_leaves_nothing(user):
    user.recipes("delete", "--all")
    wait_until(
        lambda: not user.kube.list("modelversions") and not user.kube.list("models"), "all are gone", seconds=120
    )
    wait_until(
        lambda: not user.kube.list("inferenceservices") and not user.kube.list("httproutes"), "their children too"
    )


@pytest.mark.e2e_full
def test_helm_4_does_the_same(bed, tmp_path):
    try:
        helm = toolset("helm4")
        build(helm)
    except NotBuilt as absent:
        pytest.skip(str(absent))
    with first_user(bed, tmp_path, helm.program("helm")) as user:
        user.install()
        user.recipes("wait", "1.0.0", "--timeout", "300")
        assert "a version went to production and back" in user.helm("test", "rr", "--timeout", "10m", "--logs")
        user.recipes("delete", "--all")
        wait_until(
            lambda: not user.kube.list("modelversions") and not user.kube.list("models"), "all gone", seconds=120
        )
        user.helm("uninstall", "rr", "--wait")
