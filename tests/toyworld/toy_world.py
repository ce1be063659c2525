"""A toy world: one model, its versions and all that shells deal with, in memory, on a clock that the test moves.

It is a `controller.loop.Shell`, driven by the loop that the real ones run; the laws are asserted at every act and every
save. What it observes goes through JSON, so that whatever works here can be stored.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from controller.explain import explain
from controller.loop import ROUNDS, settle
from controller.observation import Observation, RegistryFact
from controller.resource.approval import ModelApproval
from controller.resource.conditions import Kind, Truth, find
from controller.resource.meta import API_VERSION, Meta
from controller.resource.model import Model
from controller.resource.parse import parse
from controller.resource.version import ModelVersion
from controller.resource.version_status import VersionStatus
from tests.toyworld import laws
from tests.toyworld.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from controller.actions import Action
    from controller.decide import Decision
    from tests.scenarios.world import Behaviour

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
UNSEEN = "sha256:" + "0" * 64
DEATHS = 200


class Killed(Exception):  # noqa: N818 - what happens, not what is wrong
    """The process dies here."""


@dataclass
class ToyWorld:
    """The world of one model named `recipes`; `interfere` is called at every point where something may go wrong."""

    unit: int = 20
    true_time: datetime = START
    offset: timedelta = timedelta()
    interfere: Callable[[str], None] = lambda _: None
    model: Model = field(default_factory=lambda: Model(meta=Meta(name="recipes", created=START)))
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    approvals: list[ModelApproval] = field(default_factory=list)
    platform: Platform = field(default_factory=Platform)
    records: list[tuple[datetime, Observation, Decision]] = field(default_factory=list)
    created: int = 0  # objects ever, so that no two are of the same instant
    through_json: bool = True
    seen: Observation | None = None

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return self.true_time + self.offset

    def fork(self) -> ToyWorld:
        """The same world once more; what happens in one does not touch the other."""
        twin = copy.copy(self)
        twin.platform = copy.copy(self.platform)
        for holder in (twin, twin.platform):
            for name, value in vars(holder).items():
                if isinstance(value, dict | list | set):
                    setattr(holder, name, value.copy())
        return twin

    # What a scenario does

    def seconds(self, units: int) -> int:
        return units * self.unit

    def advance(self, units: int) -> None:
        """Step from one instant at which something happens to the next."""
        until = self.true_time + timedelta(seconds=self.seconds(units))
        while True:
            wake_at = self.work()
            wakes = [wake_at - self.offset] if wake_at is not None else []
            event = self.platform.next_event(self.true_time)
            self.true_time = min([*wakes, *([event] if event else []), until])
            if self.true_time >= until:
                self.work()
                return

    def apply(self, manifest: Mapping[str, Any]) -> None:
        resource = parse(dict(manifest))
        self.created += 1
        meta = replace(resource.meta, created=self.now + timedelta(milliseconds=self.created), created_by="author")
        match resource:
            case Model():
                generation = self.model.meta.generation + 1
                self.model = replace(
                    self.model, spec=resource.spec, meta=replace(self.model.meta, generation=generation)
                )
            case ModelVersion():
                assert resource.spec.version not in self.versions, "a version is immutable"
                self.versions[resource.spec.version] = replace(resource, meta=meta)
            case ModelApproval():
                self.approvals.append(replace(resource, meta=replace(meta, created_by=resource.spec.approver)))

    def set_intent(self, version: str, intent: str) -> None:
        found = self.versions[version]
        spec = replace(found.spec, intent=type(found.spec.intent)(intent))
        meta = replace(found.meta, generation=found.meta.generation + 1)
        self.versions[version] = replace(found, spec=spec, meta=meta)

    def patch_model(self, spec: Mapping[str, Any]) -> None:
        from controller.resource.parse import dump  # noqa: PLC0415 - only this verb writes a manifest back

        manifest = dump(replace(self.model, status=None))
        self.apply({**manifest, "spec": {**manifest["spec"], **spec}})

    def delete(self, version: str) -> None:
        found = self.versions[version]
        self.versions[version] = replace(found, meta=replace(found.meta, deleted_at=self.now))

    def behave(self, version: str, behaviour: Behaviour) -> None:
        self.platform.behaviours[version] = behaviour

    def approve(self, version: str, by: str, *, really: str | None = None) -> None:
        self._decide_on(version, "Approve", by, really or by)

    def reject(self, version: str, by: str) -> None:
        self._decide_on(version, "Reject", by, by)

    def users(self, state: str) -> None:
        self.platform.users_ask = state == "asking"

    def metrics(self, state: str) -> None:
        self.platform.metrics = state

    def registry(self, state: str) -> None:
        self.platform.registry_up = state == "up"

    def jump(self, seconds: int) -> None:
        self.offset += timedelta(seconds=seconds)

    # What a scenario sees

    def exists(self, version: str) -> bool:
        return version in self.versions

    def stage(self, version: str) -> str:
        return str(self._status(version).stage)

    def reasons(self, version: str) -> list[str]:
        status = self._status(version)
        return [*(str(move.reason) for move in status.history), str(status.reason)]

    def stalled(self, version: str) -> bool:
        condition = find(self._status(version).conditions, Kind.STALLED)
        return condition is not None and condition.status is Truth.TRUE

    def weights(self) -> dict[str, int]:
        return dict(self.platform.traffic)

    def alias(self) -> str | None:
        return self.platform.champion

    def model_reason(self) -> str:
        return str(self.model.status.reason) if self.model.status else "unseen"

    def explain(self, version: str) -> str:
        return "\n".join(explain(self.versions[version], self.model)) if version in self.versions else "(gone)"

    # The shell

    def work(self) -> datetime | None:
        """Settle; a killed process starts again and observes."""
        for _ in range(DEATHS):
            try:
                rest = settle(self, lambda: self.now)
            except Killed:
                continue
            assert rest.rounds < ROUNDS, f"no rest at {self.now}: {self.records[-1][2].actions}"
            return rest.wake_at
        raise AssertionError(f"died {DEATHS} times at {self.now}")

    def observe(self) -> Observation:
        self.platform.now, self.platform.offset = self.true_time, self.offset
        seen = Observation(
            model=self.model,
            versions=tuple(self.versions.values()),
            approvals=tuple(self.approvals),
            facts=self.platform.facts(),
            traffic=dict(self.platform.traffic),
            registry=RegistryFact(champion=self.platform.champion) if self.platform.registry_up else None,
            retraining=self.platform.retraining_facts(),
            splits_traffic=self.platform.splits_traffic,
            keeps_queries=self.platform.keeps_queries,
        )
        self.seen = Observation.from_dict(seen.to_dict()) if self.through_json else seen
        return self.seen

    def perform(self, action: Action) -> None:
        self.interfere(f"before {type(action).__name__}")  # dead after an act is the same as dead before the next
        if self.seen is not None:
            laws.of_action(action, self.seen)
        released = self.platform.perform(action)
        if released is not None:
            self.versions.pop(released, None)
        for manifest in self.platform.take_manifests():
            if manifest["spec"]["version"] not in self.versions:
                self.apply(manifest)

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
        laws.of_decision(observation, decision, at)
        self.records.append((at, observation, decision))
        if decision.model != observation.model.status:
            self.interfere("before saving the model")
            self.model = replace(self.model, status=decision.model)
        for number, status in decision.changed(observation).items():
            self.interfere(f"before saving {number}")
            if number in self.versions:
                self.versions[number] = replace(self.versions[number], status=status)

    def _decide_on(self, version: str, decision: str, by: str, really: str) -> None:
        status = self._status(version)
        spec = {
            "model": "recipes",
            "version": version,
            "decision": decision,
            "approver": by,
            "digest": status.artifact.digest if status.artifact else UNSEEN,
            "resultsHash": status.results_hash or UNSEEN,
        }
        self.apply({"apiVersion": API_VERSION, "kind": "ModelApproval", "spec": spec})
        self.approvals[-1] = replace(self.approvals[-1], meta=replace(self.approvals[-1].meta, created_by=really))

    def _status(self, version: str) -> VersionStatus:
        return self.versions[version].status or VersionStatus(since=self.now)
