"""From the chart of an earlier commit to this one, with a version that users are on. TEST_UPGRADE_FROM names the commit."""

from __future__ import annotations

import os

import pytest

from tests.cluster.chart import CHART
from tests.cluster.commands import CommandFailed, run, wait_until
from tests.cluster.images import ROOT
from tests.e2e import registry
from tests.e2e.life import CONTROLLER, HOST, MODEL, install, installed, version
from tests.e2e.load import Load

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.timeout(900)]
# Nobody measures here, and nothing has to be proven.
QUICK = MODEL | {
    "spec": MODEL["spec"]
    | {
        "rollout": {"steps": [{"weight": 50, "pauseSeconds": 5}], "analysis": {"intervalSeconds": 5, "gates": []}},
        "evaluation": {"gates": MODEL["spec"]["evaluation"]["gates"], "replay": {"queries": 0}},
    }
}


@pytest.fixture
def chart_before(tmp_path):
    commit = os.environ.get("TEST_UPGRADE_FROM", "HEAD~1")
    archive = tmp_path / "chart.tar"
    try:
        run("git", "-C", ROOT, "archive", "--output", archive, commit, "charts/recipe-recommender")
    except CommandFailed as absent:
        pytest.skip(f"{commit} is not here: {absent}")
    run("tar", "--extract", "--file", archive, "--directory", tmp_path)
    return tmp_path / "charts" / "recipe-recommender"


def test_an_upgrade_with_users_loses_no_request_and_the_next_version_goes_out(world, chart_before):
    registry.train(world.kube, world.images["jobs"], "1.1.0")
    with installed(world, world.volumes / "feedback", chart_before) as life:
        kube = life.kube
        kube.apply(QUICK, version("1.0.0"))
        life.wait("1.0.0", "Production")
        serving = "mlops.recipe-recommender.io/purpose=serving"
        before = {each["metadata"]["uid"] for each in kube.list("pods", serving)}
        with Load(world.gateway, HOST, per_second=10) as load:
            load.wait_for(20)
            install(world, CHART)
            wait_until(lambda: len(kube.list("pods", CONTROLLER)) == 2, "two controllers and no old one", seconds=60)
            load.wait_for(50)
            assert {each["metadata"]["uid"] for each in kube.list("pods", serving)} == before
            kube.apply(version("1.1.0"))
            life.wait("1.1.0", "Production")
            load.wait_for(20)
        kube("delete", "modelversion,model", "--all", "--wait=true", "--timeout=120s")

    assert set(load.answers) == {200}, load.failures[:3]
    assert set(load.versions) == {"1.0.0", "1.1.0"}
