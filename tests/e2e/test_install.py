"""A first user: the README's commands, a version to production, a second one as a canary, helm's own test, and away again.

Users ask all the while, and lose nothing: not by an upgrade, and not when the release is uninstalled, for what serves
them is the versions' own.
"""

from __future__ import annotations

import json

import pytest

from tests.cluster.commands import wait_until
from tests.cluster.runtime import ctr
from tests.cluster.toolchain import NotBuilt, build, toolset
from tests.e2e import readme
from tests.e2e.first_user import HOST, first_user
from tests.e2e.life import CONTROLLER
from tests.e2e.load import Load

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def user(bed):
    with first_user(bed, toolset("helm").folder) as user:
        user.installs()
        yield user


def test_the_readme_keeps_its_word_of_seven_commands():
    assert len(readme.commands()) == 7


def test_one_command_brings_a_version_into_production(user):
    assert "1.0.0 is in Production" in user.types(readme.command("kubectl recipes wait"))
    with Load(user.gateway, HOST, per_second=5) as load:
        load.wait_for(5)
    assert set(load.versions) == {"1.0.0"}, load.failures


def test_another_command_brings_a_second_one_as_a_canary_and_no_user_loses_an_answer(user):
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.types(readme.command("helm upgrade rr"))
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
    ctr("image", "tag", "--force", f"docker.io/{user.predictor_image}", "docker.io/recipe-recommender/predictor:next")
    before, controllers = user.pods(), {each["metadata"]["uid"] for each in user.kube.list("pods", CONTROLLER)}
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.installs("--set sample.version=1.1.0 --set images.predictor=recipe-recommender/predictor:next")
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
    told = user.types("helm test rr --namespace recipes --timeout 10m --logs")

    assert "a version went to production and back" in told
    assert {each["metadata"]["name"] for each in user.kube.list("models")} == {"recipes"}, "it leaves nothing behind"


def test_uninstalled_the_versions_stay_and_serve_and_an_installation_takes_them_up(user):
    before = user.pods()
    with Load(user.gateway, HOST, per_second=10) as load:
        load.wait_for(20)
        user.types("helm uninstall rr --namespace recipes --wait")
        wait_until(lambda: not user.kube.list("pods", CONTROLLER), "no controller")
        assert {each["spec"]["version"] for each in user.kube.list("modelversions")} == {"1.0.0", "1.1.0"}
        load.wait_for(20)
        user.installs("--set sample.version=1.1.0")
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
def test_helm_4_does_the_same(bed):
    try:
        helm = toolset("helm4")
        build(helm)
    except NotBuilt as absent:
        pytest.skip(str(absent))
    with first_user(bed, helm.folder) as user:
        assert user.types("helm version --short").startswith("v4.")
        user.installs()
        user.types(readme.command("kubectl recipes wait"))
        told = user.types("helm test rr --namespace recipes --timeout 10m --logs")
        assert "a version went to production and back" in told
        user.recipes("delete", "--all")
        wait_until(
            lambda: not user.kube.list("modelversions") and not user.kube.list("models"), "all gone", seconds=120
        )
