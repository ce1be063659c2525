"""The registry beside the life cycle: which version its alias names, and its stages kept as ours are.

It is asked beside everything else, every few seconds, so that a registry that hangs never holds up a rollback.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import structlog

from controller.observation import RegistryFact
from controller.stages import Stage as LifeStage
from mlops.errors import Conflict, MlopsError, NotFound
from mlops.model_registry import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from controller.resource.version_status import VersionStatus
    from mlops.model_registry import ModelRegistry, RegisteredVersion

POLL_SECONDS = 2.0
# A candidate's way through the registry's stages; production comes with the alias.
_WAY = (Stage.TRAINING, Stage.VALIDATION, Stage.STAGING)

_log = structlog.stdlib.get_logger("mlops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a version's bake measured last, by metric, and when it ended."""

    at: datetime
    metrics: Mapping[str, float]


def measured_in_production(statuses: Mapping[str, VersionStatus]) -> dict[str, Measured]:
    """The numbers of every version in production whose bake is over. Pure."""
    found = {}
    for version, status in statuses.items():
        if status.stage is LifeStage.PRODUCTION and status.bake is not None and status.bake.ended_at is not None:
            values = {f"production.{each.metric}": float(each.value) for each in status.bake.checks.results
                      if each.value is not None}  # fmt: skip
            samples = {f"production.{each.metric}.samples": float(each.samples) for each in status.bake.checks.results}
            if values:
                found[version] = Measured(at=status.bake.ended_at, metrics={**values, **samples})
    return found


class RegistryWatch:
    """Knows the champion, moves it, and lets the registry's stages follow the statuses.

    `registry` returns the registry or raises Transient; `changed` is called when what is known of it changed; `by`
    is who the registry's history names; `hurry` is called when there is something to follow.
    """

    def __init__(
        self,
        model: str,
        registry: Callable[[], ModelRegistry],
        changed: Callable[[], None],
        *,
        by: str,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._by = by
        self._model = model
        self._registry = registry
        self._changed = changed
        self._hurry = hurry
        self._fact: RegistryFact | None = None
        self._wanted: Mapping[str, tuple[LifeStage, str]] = {}
        self._followed: dict[str, LifeStage] = {}
        self._measured: Mapping[str, Measured] = {}
        self._noted: dict[str, datetime] = {}
        self._lock = Lock()
        self._stopping = Event()

    @property
    def fact(self) -> RegistryFact | None:
        """What the alias named when it was last asked; None where the registry did not answer."""
        return self._fact

    def start(self) -> None:
        """Watch until `stop`."""
        Thread(target=self._watch, name="registry-watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopping.set()

    def follow(self, statuses: Mapping[str, VersionStatus]) -> None:
        """Have the registry's stages become these; done by `step`, again and again until it is so."""
        before = {version: stage for version, (stage, _) in self._wanted.items()}
        self._wanted = {
            version: (status.stage, status.message or status.reason.meaning) for version, status in statuses.items()
        }
        self._measured = measured_in_production(statuses)
        if self._unnoted or {version: stage for version, (stage, _) in self._wanted.items()} != before:
            self._hurry()

    @property
    def settled(self) -> bool:
        """Whether the registry answered, every stage follows, and what was measured is there."""
        return self._fact is not None and not self._unnoted and not self._behind

    @property
    def _behind(self) -> dict[str, tuple[LifeStage, str]]:
        """The versions whose stage the registry does not follow yet."""
        return {
            version: wanted for version, wanted in self._wanted.items() if self._followed.get(version) is not wanted[0]
        }

    @property
    def _unnoted(self) -> dict[str, Measured]:
        """What was measured and is not in the registry yet."""
        return {version: found for version, found in self._measured.items() if self._noted.get(version) != found.at}

    def promote(self, version: str, why: str) -> None:
        """Point the champion alias at a version, through the registry's own stages. Raises Transient, NotFound."""
        with self._lock:
            registry = self._registry()
            champion = registry.production(self._model)
            if champion is None or champion.version != version:
                found = registry.get(self._model, version)
                restore = found.stage is Stage.ARCHIVED
                if not restore:
                    self._walk(registry, found, Stage.STAGING, why)
                registry.transition(self._model, version, Stage.PRODUCTION, by=self._by, why=why, restore=restore)
            self._read(registry)

    def step(self) -> None:
        """Ask once, and take the stages one step on. Raises nothing: what fails is tried again."""
        with self._lock:
            before = self._fact
            try:
                registry = self._registry()
                self._read(registry)
                self._follow(registry)
                self._note(registry)
            except MlopsError as error:
                self._fact = None
                _log.debug("registry does not answer", reason=error.message)
            changed = before != self._fact
        if changed:
            self._changed()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self.step()
            self._stopping.wait(POLL_SECONDS)

    def _read(self, registry: ModelRegistry) -> None:
        champion = registry.production(self._model)
        self._fact = RegistryFact(champion=None if champion is None else champion.version)

    def _follow(self, registry: ModelRegistry) -> None:
        behind = self._behind
        if not behind:
            return
        registered = {found.version: found for found in registry.list_versions(self._model)}
        for version, (stage, why) in behind.items():
            found = registered.get(version)
            if found is None:  # not registered yet: looked for again
                continue
            try:
                self._move(registry, found, stage, why)
                self._followed[version] = stage
            except (NotFound, Conflict) as error:  # somebody else moves it: looked at again
                _log.debug("stage not followed", version=version, reason=error.message)

    def _note(self, registry: ModelRegistry) -> None:
        """Put what a version measured with its users into its run."""
        for version, found in self._unnoted.items():
            try:
                registry.note(registry.get(self._model, version), found.metrics, found.at)
            except NotFound as error:  # somebody removed the run or the version: there is nowhere to put it
                _log.warning("what production measured is not noted", version=version, reason=error.message)
            self._noted[version] = found.at

    def _move(self, registry: ModelRegistry, found: RegisteredVersion, stage: LifeStage, why: str) -> None:
        match stage:
            case LifeStage.PRODUCTION:
                return  # the alias says it, and it is moved by `promote`
            case LifeStage.ARCHIVED:
                champion = self._fact.champion if self._fact else None
                if found.stage is not Stage.ARCHIVED and champion != found.version:
                    registry.transition(self._model, found.version, Stage.ARCHIVED, by=self._by, why=why)
            case LifeStage.TRAINING | LifeStage.VALIDATION | LifeStage.STAGING:
                self._walk(registry, found, Stage(stage.value), why)

    def _walk(self, registry: ModelRegistry, found: RegisteredVersion, to: Stage, why: str) -> None:
        """Take a candidate forward to a stage, one legal step at a time; never back."""
        if found.stage not in _WAY:
            return
        for stage in _WAY[_WAY.index(found.stage) + 1 : _WAY.index(to) + 1]:
            registry.transition(self._model, found.version, stage, by=self._by, why=why)
