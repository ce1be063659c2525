"""The embedded shell as a scenario's world: real state, jobs, artefacts, slots and HTTP requests; only time runs faster.

What is scripted are the versions' behaviours, and the registry is the one in memory that passes MLflow's contract.
"""

from __future__ import annotations

import sys
import uuid
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Self

from controller.explain import explain
from controller.observation import Measurement
from controller.resource.conditions import Kind, Truth, find
from controller.resource.meta import API_VERSION, version_name
from controller.resource.version import Intent, ModelVersion
from controller.resource.version_status import VersionStatus
from mlops.embedded.home import Home
from mlops.embedded.life import Life, Surroundings
from mlops.embedded.live_traffic import LiveTraffic
from mlops.errors import NotFound, Transient
from mlops.logging_config import LogConfig, configure_logging
from mlops.model_registry import ModelRegistry
from predictor.ports import Ports
from predictor.slot import Slot
from tests.embeddedworld.artefacts import MODEL, exchange, write_artefact
from tests.embeddedworld.behaving import BehavedLog, Behaviours, opening
from tests.embeddedworld.serving import serving
from tests.embeddedworld.users import Users
from tests.fakes.registry_backend import InMemoryRegistryBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from controller.actions import Measure
    from controller.loop import Shell
    from mlops.model_registry import RegisteredVersion
    from tests.scenarios.world import Behaviour

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
UNSEEN = "sha256:" + "0" * 64
CAN = frozenset({"forging", "jump"})
SCRIPT = "tests.embeddedworld.scripted_job"


class Clock:
    """Runs `pace` times as fast as the machine's, and can be set."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._began = monotonic()
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return START + timedelta(seconds=(monotonic() - self._began) * self._pace) + self.offset

    def unix(self) -> float:
        return self().timestamp()


class Shelves(ModelRegistry):
    """A registry in memory, some of whose artefacts cannot be read for now."""

    def __init__(self, backend: InMemoryRegistryBackend, clock: Clock, behaviours: Behaviours) -> None:
        super().__init__(backend, clock, lambda: uuid.uuid4().hex[:8])
        self._behaviours = behaviours

    def local_path(self, version: RegisteredVersion) -> Path:
        if self._behaviours.of(version.version).artifact == "unreadable":
            raise Transient("the disk does not answer")
        return super().local_path(version)


class EmbeddedWorld:
    """One home. A unit is `unit` seconds of its clock, which runs at `pace`."""

    unit = 2

    def __init__(
        self,
        folder: Path,
        *,
        pace: float = 2.0,
        requests_per_unit: float = 20.0,
        wrap: Callable[[Shell], Shell] = lambda shell: shell,
    ) -> None:
        configure_logging(LogConfig(level="ERROR"))
        self.home = Home(folder / "home")
        self.home.prepare()
        self.clock = Clock(pace)
        self.behaviours = Behaviours(self.home.root)
        self.slot = Slot()
        self.traffic = BehavedLog(self.behaviours)
        self._pace = pace
        self._metrics = "up"
        self._registry_up = True
        self._wrap = wrap
        self._artefacts = folder / "artefacts"
        backend = InMemoryRegistryBackend(folder / "registry")
        self._registry = Shelves(backend, self.clock, self.behaviours)
        self._stack = ExitStack()
        self.life = self._live()
        ports = Ports(traffic=self.traffic, heard=self.life.queries.heard)
        url = self._stack.enter_context(serving(self.slot, ports, self.clock.unix))
        self._users = Users(url, requests_per_unit * pace / self.unit)

    def __enter__(self) -> Self:
        self.life.start()
        self._users.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._users.stop()
        self.life.stop()
        self._stack.close()

    def _live(self) -> Life:
        return Life(
            self.home,
            Surroundings(
                model=MODEL,
                slot=self.slot,
                registry=self._open_registry,
                load=opening(self.behaviours, self.slot),
                job_command=lambda name: [sys.executable, "-m", SCRIPT, str(self.home.state), name],
                measure=self._measure,
                new_data=lambda: False,
                clock=self.clock,
                new_uid=lambda: str(uuid.uuid4()),
            ),
            self._wrap,
        )

    @property
    def lost(self) -> list[str]:
        """Requests that no answer came to at all."""
        return self._users.lost

    # What a scenario does

    def seconds(self, units: int) -> int:
        return units * self.unit

    def advance(self, units: int) -> None:
        sleep(self.seconds(units) / self._pace)

    def apply(self, manifest: Mapping[str, Any]) -> None:
        self.life.resources.apply(manifest, by="author")
        self.life.poke()

    def set_intent(self, version: str, intent: str) -> None:
        self.life.resources.set_intent(version, Intent(intent))
        self.life.poke()

    def patch_model(self, spec: Mapping[str, Any]) -> None:
        self.life.resources.patch_model(spec, by="author")
        self.life.poke()

    def delete(self, version: str) -> None:
        self.life.resources.delete(ModelVersion, version_name(MODEL, version))
        self.life.poke()

    def behave(self, version: str, behaviour: Behaviour) -> None:
        """Its artefact is made at the first word of it; one that is to be exchanged later is when it is opened."""
        self.behaviours.set(version, behaviour)
        folder = self._artefacts / version
        if not folder.exists() and behaviour.artifact != "missing":
            self._register(version, folder, write_artefact(folder, version).digest)
        if behaviour.artifact == "damaged" or (behaviour.artifact == "swapped" and version in self.slot.weights):
            exchange(self._registry.local_path(self._registry.get(MODEL, version)))

    def approve(self, version: str, by: str, *, really: str | None = None) -> None:
        self._decide_on(version, "Approve", by, really or by)

    def reject(self, version: str, by: str) -> None:
        self._decide_on(version, "Reject", by, by)

    def users(self, state: str) -> None:
        self._users.asking = state == "asking"

    def metrics(self, state: str) -> None:
        self._metrics = state

    def registry(self, state: str) -> None:
        self._registry_up = state == "up"

    def jump(self, seconds: int) -> None:
        self.clock.offset += timedelta(seconds=seconds)

    # What a scenario sees

    def exists(self, version: str) -> bool:
        return any(each.spec.version == version for each in self.life.resources.versions())

    def stage(self, version: str) -> str:
        return str(self._status(version).stage)

    def reasons(self, version: str) -> list[str]:
        status = self._status(version)
        return [*(str(move.reason) for move in status.history), str(status.reason)]

    def stalled(self, version: str) -> bool:
        condition = find(self._status(version).conditions, Kind.STALLED)
        return condition is not None and condition.status is Truth.TRUE

    def weights(self) -> dict[str, int]:
        return self.slot.weights

    def alias(self) -> str | None:
        champion = self._registry.production(MODEL)
        return champion.version if champion else None

    def model_reason(self) -> str:
        model = self.life.resources.model()
        return str(model.status.reason) if model and model.status else "unseen"

    def explain(self, version: str) -> str:
        model = self.life.resources.model()
        assert model is not None
        try:
            told = list(explain(self.life.resources.version(version), model))
        except NotFound:
            return "(gone)"
        notices = self.life.records.notices()[-20:]
        said = (f"{each.at:%H:%M:%S} {each.version} {each.reason}: {each.message}" for each in notices)
        return "\n".join([*told, "Notices:", *said])

    def _status(self, version: str) -> VersionStatus:
        return self.life.resources.version(version).status or VersionStatus(since=self.clock())

    # What surrounds the shell

    def _open_registry(self) -> ModelRegistry:
        if not self._registry_up:
            raise Transient("the registry does not answer")
        return self._registry

    def _register(self, version: str, folder: Path, digest: str) -> None:
        self._registry.register(
            MODEL, version, folder, digest=digest, metadata={}, metrics={}, params={}, by="author", why="trained"
        )

    def _measure(self, action: Measure, now: datetime) -> Measurement:
        if self._metrics == "down":
            return Measurement(name=action.name, at=now, error="connection refused")
        measured = LiveTraffic(self.traffic).measure(action, now)
        match self._metrics:
            case "nan":
                changes: dict[str, Any] = {"value": Decimal("NaN")}
            case "stale":
                changes = {"newest": now - timedelta(hours=1)}
            case _:
                changes = {}
        return replace(measured, samples=tuple(replace(sample, **changes) for sample in measured.samples))

    def _decide_on(self, version: str, decision: str, by: str, really: str) -> None:
        status = self._status(version)
        spec = {
            "model": MODEL,
            "version": version,
            "decision": decision,
            "approver": by,
            "digest": status.artifact.digest if status.artifact else UNSEEN,
            "resultsHash": status.results_hash or UNSEEN,
        }
        self.life.resources.apply({"apiVersion": API_VERSION, "kind": "ModelApproval", "spec": spec}, by=really)
        self.life.poke()
