"""Versions that do as a scenario says: in the process that answers users, and in the processes of their jobs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING

from mlops.artifact.manifest import read_manifest, verify
from mlops.errors import Transient
from mlops.monitoring.traffic_log import ServedRequest, TrafficLog
from mlops.recommendation import Answer, Ask, Hit, Recommends, ServedModel
from tests.embeddedworld.artefacts import exchange
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from pathlib import Path

    from predictor.slot import Slot

FILE = "behaviours.json"


_ACTED = 0.1  # a scenario's 50 ms are acted as 5: what is judged is `BehavedLog`'s


class Behaviours:
    """What each version does from now on; also written to a file, for its jobs to read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._by_version = {version: Behaviour(**each) for version, each in known.items()}
        self._lock = Lock()

    def set(self, version: str, behaviour: Behaviour) -> None:
        with self._lock:
            self._by_version[version] = behaviour
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps({name: asdict(each) for name, each in self._by_version.items()}))
            new.replace(self._path)

    def of(self, version: str) -> Behaviour:
        return self._by_version.get(version, Behaviour())


class BehavedLog(TrafficLog):
    """The log of live traffic, in which a version is as slow as its scenario says.

    All is as it was measured but the latencies: on a busy machine those tell more of the machine than of the version.
    """

    def __init__(self, behaviours: Behaviours) -> None:
        super().__init__()
        self._behaviours = behaviours

    def record(self, request: ServedRequest) -> None:
        super().record(replace(request, latency_ms=self._behaviours.of(request.version).latency_ms))


class BehavingRecommender(Recommends):
    """Answers one recipe, as slowly and as wrongly as its version is told to; every n-th request fails."""

    def __init__(self, version: str, behaviours: Behaviours, slot: Slot) -> None:
        self._version = version
        self._behaviours = behaviours
        self._slot = slot
        self._owed = 0.0
        self._lock = Lock()

    def recommend(self, ask: Ask) -> Answer:
        behaviour = self._behaviours.of(self._version)
        sleep(behaviour.latency_ms * _ACTED / 1000)
        rate = behaviour.error_rate
        if behaviour.error_rate_in_production is not None and self._slot.weights.get(self._version) == 100:
            rate = behaviour.error_rate_in_production
        with self._lock:
            self._owed += rate
            fails = self._owed >= 1
            self._owed -= fails
        if fails:
            raise ZeroDivisionError
        hit = Hit(id="r-1", score=0.5, recipe={"id": "r-1", "title": "Soup"}, signals=(), translated=True)
        return Answer(
            hits=(hit,), language="en", query_en=ask.text, translated=True, filters=ask.filters, version=self._version
        )


def opening(behaviours: Behaviours, slot: Slot):
    """A loader of artefacts whose versions behave; it verifies like the real one."""

    def load(folder: Path, digest: str) -> ServedModel:
        manifest = read_manifest(folder)
        if not behaviours.of(manifest.version).starts:
            raise Transient(f"{manifest.version} does not start")
        if behaviours.of(manifest.version).artifact == "swapped":
            exchange(folder)
        verify(folder, manifest, digest)
        recommender = BehavingRecommender(manifest.version, behaviours, slot)
        return ServedModel(
            name=manifest.model, version=manifest.version, digest=manifest.digest, recipes=1, recommender=recommender
        )

    return load
