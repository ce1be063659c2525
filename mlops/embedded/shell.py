"""The laptop's world around the decision core: what is observed, how each action is carried out, what is kept.

    wake ──► observe ──► decide ──► perform ──► save ──► …   (`controller.loop.settle`, run by `mlops.embedded.keeper`)

One process, one model, everything that must outlive it in SQLite. Slow things are only started here; their ends wake
the keeper again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import structlog

from controller import actions
from controller.observation import Measurement, Observation, VersionFacts
from controller.resource.codec import codec
from controller.resource.meta import API_VERSION
from controller.resource.model import Model
from controller.resource.version import Lineage, ModelVersion, Origin
from controller.spans import traceparent
from mlops.embedded.evaluation_jobs import job_fact
from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from controller.actions import Action
    from controller.decide import Decision
    from controller.registry_watch import RegistryWatch
    from controller.rollout_traces import RolloutTraces
    from mlops.embedded.artifacts import Artifacts
    from mlops.embedded.evaluation_jobs import EvaluationJobs
    from mlops.embedded.facts import Facts
    from mlops.embedded.records import Records
    from mlops.embedded.resources import Resources
    from mlops.embedded.retraining_runs import RetrainingRuns
    from mlops.embedded.servings import Servings
    from mlops.embedded.split import Split

BY = "recipes up"

_log = structlog.stdlib.get_logger("mlops")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The parts that the shell is made of. `measure` asks about live traffic, `traces` is told of changes."""

    resources: Resources
    facts: Facts
    records: Records
    artifacts: Artifacts
    jobs: EvaluationJobs
    servings: Servings
    split: Split
    registry: RegistryWatch
    retraining: RetrainingRuns
    measure: Callable[[actions.Measure, datetime], Measurement]
    new_data: Callable[[], bool]
    traces: RolloutTraces


class LaptopShell:
    """A `controller.loop.Shell` over one process and one SQLite file."""

    def __init__(self, world: World, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._clock = clock
        self._measurements: dict[str, Measurement] = {}
        self._versions: tuple[ModelVersion, ...] = ()

    def observe(self) -> Observation:
        """Read everything anew."""
        world = self._world
        model, self._versions, approvals = world.resources.of_one_moment(by=BY)
        triggers = model.spec.retraining.triggers
        return Observation(
            model=model,
            versions=self._versions,
            approvals=approvals,
            facts=self._facts(),
            traffic=world.split.weights,
            registry=world.registry.fact,
            retraining=world.retraining.facts(
                new_data=triggers.new_data and world.new_data(),
                degradation=None,
            ),
        )

    def perform(self, action: Action) -> None:
        """Do it, or find it done."""
        match action:
            case (
                actions.VerifyArtifact()
                | actions.StartEvaluation()
                | actions.StartReplay()
                | actions.CancelJob()
                | actions.Measure()
            ):
                self._judge(action)
            case actions.EnsureServing() | actions.StopServing() | actions.SetTraffic() | actions.MoveAlias():
                self._serve(action)
            case (
                actions.EnsureRetraining()
                | actions.RemoveRetraining()
                | actions.StartRetraining()
                | actions.CreateVersion()
            ):
                self._retrain(action)
            case actions.Notify() | actions.ReleaseVersion() | actions.ReleaseModel():
                self._conclude(action)
            case _:
                assert_never(action)

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
        """Keep the statuses and the record in one transaction."""
        with self._world.records.together():
            self._world.resources.save(observation, decision)
            self._world.records.append(at, observation, decision)
        changed = decision.changed(observation)
        for version in observation.versions:
            if version.spec.version in changed:
                self._world.traces.changed(version, changed[version.spec.version], at)
        self._world.registry.follow(decision.statuses)

    def _facts(self) -> tuple[VersionFacts, ...]:
        located, servings = self._world.facts.located(), self._world.servings.facts()
        jobs = self._world.jobs.by_version()
        known = sorted({*located, *servings, *jobs, *self._measurements})
        return tuple(
            VersionFacts(
                version=version,
                artifact=located[version].fact if version in located else None,
                jobs=tuple(job_fact(job) for job in jobs.get(version, ())),
                serving=servings.get(version),
                measurement=self._measurements.get(version),
            )
            for version in known
        )

    def _folder(self, version: str) -> Path:
        located = self._world.facts.located().get(version)
        if located is None or located.folder is None:
            raise NotFound(f"the artefact of {version} is not on this machine", hint="it is verified again")
        return located.folder

    def _judge(
        self,
        action: actions.VerifyArtifact
        | actions.StartEvaluation
        | actions.StartReplay
        | actions.CancelJob
        | actions.Measure,
    ) -> None:
        match action:
            case actions.VerifyArtifact():
                self._world.artifacts.verify(action)
            case actions.StartEvaluation() | actions.StartReplay():
                version = next(each for each in self._versions if each.spec.version == action.version)
                self._world.jobs.start(action, traceparent(version))
            case actions.CancelJob():
                self._world.jobs.cancel(action.name)
            case actions.Measure():
                known = self._measurements.get(action.version)
                if known is None or known.name != action.name:
                    self._measurements[action.version] = self._world.measure(action, self._clock())

    def _serve(
        self, action: actions.EnsureServing | actions.StopServing | actions.SetTraffic | actions.MoveAlias
    ) -> None:
        servings = self._world.servings
        match action:
            case actions.EnsureServing():
                servings.ensure(action.version, self._folder(action.version), action.digest, action.revision)
            case actions.StopServing():
                servings.drop(action.version)
            case actions.SetTraffic():
                self._world.split.set(action.weights)
            case actions.MoveAlias():
                self._world.registry.promote(action.version, "every gate of its rollout passed")

    def _conclude(self, action: actions.Notify | actions.ReleaseVersion | actions.ReleaseModel) -> None:
        world = self._world
        match action:
            case actions.Notify():
                if world.records.tell(action, self._clock()):
                    write = _log.warning if action.warning else _log.info
                    write(action.message, version=action.version, reason=action.reason.value)
            case actions.ReleaseVersion():
                world.servings.drop(action.version)
                world.facts.forget(action.version)
                self._measurements.pop(action.version, None)
                world.resources.release(ModelVersion, action.name)
            case actions.ReleaseModel():
                world.resources.release(Model, action.name)

    def _retrain(
        self,
        action: actions.EnsureRetraining | actions.RemoveRetraining | actions.StartRetraining | actions.CreateVersion,
    ) -> None:
        retraining = self._world.retraining
        match action:
            case actions.EnsureRetraining():
                retraining.ensure(action)
            case actions.RemoveRetraining():
                retraining.remove()
            case actions.StartRetraining():
                retraining.start(action)
            case actions.CreateVersion():
                self._create(action)

    def _create(self, action: actions.CreateVersion) -> None:
        spec = {
            "model": self._world.resources.ensure_model(by=BY).name,
            "version": action.version,
            "source": codec(Origin).dump(action.source),
            "lineage": codec(Lineage).dump(action.lineage),
        }
        self._world.resources.apply(
            {"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": spec}, by="recipes retraining"
        )
