"""46,000 real recipes in one pod: it says 503 until they are loaded, and stays within its limit under load."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.artifact.manifest import read_manifest
from tests.cluster.commands import run, wait_until
from tests.cluster.toolchain import cache_folder
from tests.e2e.load import Load
from tests.e2e.pods import inference_service, route
from tests.e2e.registry import PORT

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_full, pytest.mark.shared_data, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "data" / "recipes_archive.parquet"
NAME, HOST, VERSION = "recipes-9-0-0", "many.recipes.test", "9.0.0"
LIMIT = "1Gi"


@pytest.fixture(scope="module")
def digest(world, tmp_path_factory):
    """The version, trained here once (minutes) and kept in the cache folder, and registered in the cluster."""
    if not CORPUS.exists():
        pytest.skip(f"{CORPUS} is not here")
    recipes = ROOT / ".venv" / "bin" / "recipes"
    artifact = cache_folder() / "artefacts" / "archive-9.0.0"
    environment = {
        "RECIPES_MLFLOW_URI": f"http://{world.kube.address('mlflow')}:{PORT}",
        "RECIPES_HOME": str(tmp_path_factory.mktemp("home")),
    }
    if not artifact.exists():
        artifact.parent.mkdir(parents=True, exist_ok=True)
        run(recipes, "train", "--corpus", CORPUS, "--version", VERSION, "--out", artifact, seconds=3000)
    run(recipes, "register", "--artifact", artifact, environment=environment)
    return read_manifest(artifact).digest


def test_many_recipes_fit(world, digest):
    kube = world.kube
    kube.apply(
        inference_service(
            NAME, world.images["predictor"], version=VERSION, digest=digest, registry=world.registry, memory=LIMIT
        ),
        route("many", HOST, f"{NAME}-predictor"),
    )
    try:
        kube.wait("inferenceservice", NAME, "Ready", seconds=300)
        (pod,) = kube.list("pods", f"serving.kserve.io/inferenceservice={NAME}")
        with Load(world.gateway, HOST, per_second=10) as load:
            load.wait_for(300, seconds=180)
        assert set(load.answers) == {200}, load.failures[:3]
        wait_until(lambda: kube.condition("pod", pod["metadata"]["name"], "Ready") == "True", "ready still")
        (after,) = kube.list("pods", f"serving.kserve.io/inferenceservice={NAME}")
        assert sum(each["restartCount"] for each in after["status"]["containerStatuses"]) == 0
    finally:
        kube("delete", "inferenceservice", NAME)
