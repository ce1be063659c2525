"""The shell killed by SIGKILL before and after every kind of act of a promotion and of a rollback: it ends up the same."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from controller.resource.meta import API_VERSION
from mlops.embedded.database import Database
from mlops.embedded.facts import Facts
from mlops.embedded.home import Home
from mlops.embedded.resources import Resources
from mlops.model_registry import open_registry
from mlops.registry.server import free_port, open_server
from tests.embeddedworld.artefacts import MODEL, write_artefact
from tests.embeddedworld.behaving import Behaviours
from tests.embeddedworld.mortal import DEATHS, main, now
from tests.embeddedworld.scripted_job import RUNS
from tests.embeddedworld.users import Users
from tests.scenarios.steps import model_manifest
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]
# Each life is forked off one that has imported everything: three seconds less of forty of them.
LIVES = get_context("forkserver")
LIVES.set_forkserver_preload([main.__module__])


class Seconds:
    """Manifests in real time: a unit is a second."""

    def seconds(self, units: int) -> int:
        return units


class Home_:  # noqa: N801 - the test's half of a home
    def __init__(self, folder: Path, registry: str) -> None:
        self.home = Home(folder / "home")
        self.home.prepare()
        self.behaviours = Behaviours(self.home.root)
        self.registry = open_registry(registry, now)
        self.database = Database.open(self.home.state)
        self.resources = Resources(self.database, MODEL, now, lambda: str(uuid.uuid4()))
        self.port = free_port()
        self.users = Users(f"http://127.0.0.1:{self.port}", 20)
        self._folder = folder
        self._url = registry
        self._process: ForkServerProcess | None = None
        self.deaths = 0

    def push(self, version: str, behaviour: Behaviour) -> None:
        self.behaviours.set(version, behaviour)
        folder = self._folder / version
        manifest = write_artefact(folder, version)
        self.registry.register(
            MODEL, version, folder, digest=manifest.digest, metadata={}, metrics={}, params={}, by="ann", why="trained"
        )
        spec = {"model": MODEL, "version": version}
        self.resources.apply({"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": spec}, by="ann")

    def lives_until(self, version: str, stage: str, reason: str) -> None:
        """Start the shell again whenever it has died, until the version is there."""
        for _ in range(3_000):
            status = self.resources.version(version).status
            if status is not None and (status.stage, status.reason) == (stage, reason):
                return
            self._keep_alive()
        raise AssertionError(f"{version} is {status}, after {self.deaths} deaths")

    def _keep_alive(self) -> None:
        if self._process is None:
            self._process = LIVES.Process(target=main, args=(self.home.root, self._url, self.port))
            self._process.start()
        self._process.join(0.1)
        if self._process.exitcode is None:
            return
        assert self._process.exitcode == -9, f"ended with {self._process.exitcode}"
        self._process, self.deaths = None, self.deaths + 1

    def end(self) -> None:
        self.users.stop()
        if self._process is not None:
            self._process.terminate()
            self._process.join(30)
            assert self._process.exitcode in (0, -9)  # it may have died once more
        self.database.close()
        self.registry.close()


def test_killed_before_and_after_every_act_it_ends_up_the_same(tmp_path):
    with open_server(tmp_path, free_port(), os.environ) as server:
        server.start(lambda _: None)
        laptop = Home_(tmp_path, server.url)
        try:
            a_promotion_and_a_rollback(laptop)
            what_must_be_so(laptop)
        finally:
            laptop.end()


def a_promotion_and_a_rollback(laptop: Home_) -> None:
    laptop.resources.apply(model_manifest(Seconds(), evaluation={"deadlineSeconds": 120}), by="ann")
    laptop.resources.patch_model({"rollout": {**patient_rollout()}}, by="ann")
    laptop.push("1.0.0", Behaviour())
    laptop.users.start()
    laptop.lives_until("1.0.0", "Production", "InProduction")
    laptop.users.failed.clear()  # nothing answered before anything was in production
    laptop.push("1.1.0", Behaviour(quality=0.65))
    laptop.lives_until("1.1.0", "Production", "InProduction")
    laptop.push("1.2.0", Behaviour(quality=0.70, error_rate_in_production=0.5))
    laptop.lives_until("1.2.0", "Archived", "RolledBack")
    laptop.lives_until("1.1.0", "Production", "InProduction")


def patient_rollout() -> dict[str, object]:
    """Deaths take time: neither readiness nor evidence may run out meanwhile."""
    spec = model_manifest(Seconds())["spec"]["rollout"]
    limit = {"deadlineSeconds": 600}
    patience = {"inconclusive": limit, "noData": limit, "error": limit}
    return {**spec, "readyDeadlineSeconds": 120, "analysis": {**spec["analysis"], "patience": patience}}


def what_must_be_so(laptop: Home_) -> None:
    assert laptop.deaths > 40, (laptop.home.root / DEATHS).read_text()
    assert {share.version: share.weight for share in Facts(laptop.database).traffic()} == {"1.1.0": 100}
    champion = laptop.registry.production(MODEL)
    assert champion is not None
    assert champion.version == "1.1.0"
    runs = Counter((laptop.home.root / RUNS).read_text().splitlines())
    assert set(runs.values()) == {1}, f"a job ran twice: {runs}"
    # Only the version that was made to fail failed, and only as it was made to.
    assert {version for version, _ in laptop.users.failed} <= {"1.2.0"}
    assert laptop.users.answered["1.0.0"] > 0
    assert laptop.users.answered["1.1.0"] > 0
