"""A cluster for the session, and in it one namespace with the registry and a trained version."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders.postgres import missing, running_postgres
from tests.cluster.control_plane import free_ports
from tests.e2e import registry
from tests.e2e.cluster import cluster
from tests.e2e.kube import Kube
from tests.e2e.pods import inference_service, route, volume_name

REPORTS = Path(__file__).parents[2] / "build" / "e2e"


@pytest.fixture(scope="session")
def bed():
    """The cluster of the session."""
    with cluster() as found:
        yield found


@dataclass(frozen=True)
class World:
    """What the tests share."""

    kube: Kube
    images: dict[str, str]
    registry: str
    digest: str
    gateway: str
    volumes: Path
    host: str = "recipes.test"


@pytest.fixture(scope="session")
def world(bed):
    absent = missing()
    if absent:
        pytest.fail(f"{absent}: apt-get install postgresql")
    namespace = f"e2e-{uuid.uuid4().hex[:6]}"
    kube = Kube(bed, namespace)
    kube.open()
    folder = bed.volumes / namespace
    with running_postgres(address=bed.host, port=free_ports(1)[0]) as database:
        registry.install(kube, bed.images["jobs"], database=database.port, folder=folder / "mlflow")
        digest = registry.train(kube, bed.images["jobs"], "1.0.0")
        yield World(
            kube=kube, images=bed.images, registry=registry.URI, digest=digest, gateway=bed.gateway, volumes=folder
        )
        kube("delete", "namespace", namespace, "--wait=true", "--timeout=120s")
        kube("delete", "persistentvolume", volume_name(kube, "artifacts"), "--ignore-not-found")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def served(world):
    """The version with two pods, and a route to it."""
    name = "by-hand"
    world.kube.apply(
        inference_service(
            name, world.images["predictor"], version="1.0.0", digest=world.digest, registry=world.registry, replicas=2
        ),
        route("by-hand", world.host, f"{name}-predictor"),
        route("by-hand-grpc", f"grpc.{world.host}", f"{name}-predictor", port=8081),
    )
    world.kube.wait("inferenceservice", name, "Ready")
    yield name
    world.kube("delete", "inferenceservice", name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep what the cluster has to say of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if report.when == "call" and report.failed and world is not None:
        REPORTS.mkdir(parents=True, exist_ok=True)
        (REPORTS / f"{item.name}.txt").write_text(world.kube.report(), encoding="utf-8")
