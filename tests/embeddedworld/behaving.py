"""Versions that do as a scenario says: in the process that answers users, and in the processes of their jobs."""

from __future__ import annotations

import json
from dataclasses import asdict
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING

from mlops.artifact.manifest import read_manifest, verify
from mlops.errors import Transient
from mlops.recommendation import Answer, Ask, Hit, ServedModel
from tests.embeddedworld.artefacts import exchange
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from pathlib import Path

    from predictor.slot import Slot

FILE = "behaviours.json"


class Behaviours:
    """What each version does from now on; also written to a file, for its jobs to read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._by_version: dict[str, Behaviour] = {}
        self._lock = Lock()

    def set(self, version: str, behaviour: Behaviour) -> None:
        with self._lock:
            self._by_version[version] = behaviour
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps({name: asdict(each) for name, each in self._by_version.items()}))
            new.replace(self._path)

    def of(self, version: str) -> Behaviour:
        return self._by_version.get(version, Behaviour())


class BehavingRecommender:
    """Answers one recipe, as slowly and as wrongly as its version is told to; every n-th request fails."""

    def __init__(self, version: str, behaviours: Behaviours, slot: Slot) -> None:
        self._version = version
        self._behaviours = behaviours
        self._slot = slot
        self._owed = 0.0
        self._lock = Lock()

    def recommend(self, ask: Ask) -> Answer:
        behaviour = self._behaviours.of(self._version)
        sleep(behaviour.latency_ms / 1000)
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
