"""The platform of the toy world: artefacts, jobs, servings, router, registry, metrics, retraining schedule."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never

from controller.actions import (
    CancelJob,
    CreateVersion,
    EnsureRetraining,
    EnsureServing,
    Measure,
    MoveAlias,
    Notify,
    ReleaseModel,
    ReleaseVersion,
    RemoveRetraining,
    SetTraffic,
    StartEvaluation,
    StartReplay,
    StartRetraining,
    StopServing,
    VerifyArtifact,
)
from controller.observation import (
    ArtifactFact,
    ArtifactState,
    Candidate,
    JobFact,
    JobState,
    Measurement,
    RetrainingFacts,
    RetrainingJob,
    Sample,
    ScheduleFact,
    ServingFact,
    ServingState,
    VersionFacts,
)
from controller.resource.codec import codec
from controller.resource.meta import API_VERSION
from controller.resource.version import Lineage, Origin, Trigger
from controller.schedule import next_run
from controller.sequential import Tally, share
from tests.scenarios.world import Behaviour

if TYPE_CHECKING:
    from controller.actions import Action
    from controller.resource.gate import Gate

REQUESTS_PER_SECOND = 20


def digest_of(version: str) -> str:
    return "sha256:" + hashlib.sha256(version.encode()).hexdigest()


@dataclass
class Platform:
    """State that outlives the process: killing it loses nothing of this."""

    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)  # the true time, which no clock that is set changes
    offset: timedelta = timedelta()  # of the clock that the controller and the metrics source read
    job_seconds: int = 30
    start_seconds: int = 15
    users_ask: bool = True
    metrics: str = "up"
    registry_up: bool = True
    splits_traffic: bool = True
    keeps_queries: bool = True
    router_obeys: bool = True
    new_data: bool = False
    degradation: Decimal | None = None
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    artifacts: dict[str, ArtifactFact] = field(default_factory=dict)
    jobs: dict[str, tuple[str, StartEvaluation | StartReplay, datetime]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    servings: dict[str, tuple[EnsureServing, datetime]] = field(default_factory=dict)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    champion: str | None = None
    schedule: EnsureRetraining | None = None
    due: datetime | None = None
    runs: dict[str, RetrainingJob] = field(default_factory=dict)
    candidates: list[str] = field(default_factory=list)
    manifests: list[dict[str, Any]] = field(default_factory=list)
    unasked: set[str] = field(default_factory=set)  # versions whose pods nobody has asked for their digest yet
    notices: dict[str, Notify] = field(default_factory=dict)
    splits: list[dict[str, int]] = field(default_factory=list)
    performed: list[Action] = field(default_factory=list)

    def behaviour(self, version: str) -> Behaviour:
        return self.behaviours.get(version, Behaviour())

    def next_event(self, now: datetime) -> datetime | None:
        ends = [at + timedelta(seconds=self.job_seconds) for _, _, at in self.jobs.values()]
        ends += [at + timedelta(seconds=self.start_seconds) for _, at in self.servings.values()]
        ends += [self.due] if self.due else []
        return min((at for at in ends if at > now), default=None)

    def perform(self, action: Action) -> str | None:
        """Carry out one act; the version whose object it lets go, if any."""
        self.performed.append(action)
        match action:
            case VerifyArtifact():
                self.artifacts[action.version] = self._verified(action)
            case StartEvaluation() | StartReplay():
                self.jobs.setdefault(action.name, (action.version, action, self.now))
            case CancelJob():
                self.cancelled.add(action.name)
                self.runs.pop(action.name, None)
            case EnsureServing() | StopServing() | SetTraffic() | MoveAlias():
                self._serve(action)
            case Measure():
                self._measure(action)
            case Notify():
                self.notices.setdefault(action.name, action)
            case EnsureRetraining() | RemoveRetraining() | StartRetraining() | CreateVersion():
                self._retrain(action)
            case ReleaseVersion():
                return action.version
            case ReleaseModel():
                return "model"
            case _:
                assert_never(action)
        return None

    def facts(self) -> tuple[VersionFacts, ...]:
        known = {
            *self.artifacts,
            *self.servings,
            *self.measurements,
            *(version for version, _, _ in self.jobs.values()),
        }
        return tuple(
            VersionFacts(
                version=version,
                artifact=self.artifacts.get(version),
                jobs=tuple(self._job(name) for name, (owner, _, _) in sorted(self.jobs.items()) if owner == version),
                serving=self._serving(version),
                measurement=self.measurements.get(version),
            )
            for version in sorted(known)
        )

    def retraining_facts(self) -> RetrainingFacts:
        if self.due is not None and self.now >= self.due and self.schedule is not None and not self.schedule.suspended:
            self._run(
                f"recipes-retraining-{int(self.due.timestamp())}", self.schedule.parent, self.due, Trigger.SCHEDULED
            )
            self.due = next_run(self.schedule.schedule, self.schedule.time_zone, self.now)
        applied = None
        if self.schedule is not None:
            wanted = self.schedule
            applied = ScheduleFact(
                schedule=wanted.schedule,
                time_zone=wanted.time_zone,
                suspended=wanted.suspended,
                parent=wanted.parent,
            )
        return RetrainingFacts(
            applied=applied, jobs=tuple(self.runs.values()), new_data=self.new_data, degradation=self.degradation
        )

    def take_manifests(self) -> list[dict[str, Any]]:
        taken, self.manifests = self.manifests, []
        return taken

    def _serve(self, action: EnsureServing | StopServing | SetTraffic | MoveAlias) -> None:
        match action:
            case EnsureServing():
                started = self.servings[action.version][1] if action.version in self.servings else self.now
                self.servings[action.version] = (action, started)
            case StopServing():
                assert action.version not in self.traffic, f"stopped {action.version} while users are sent to it"
                self.servings.pop(action.version, None)
            case SetTraffic():
                self.traffic = dict(action.weights) if self.router_obeys else self.traffic
                self.splits.append(dict(action.weights))
            case MoveAlias():
                self.champion = action.version if self.registry_up else self.champion

    def _verified(self, action: VerifyArtifact) -> ArtifactFact:
        state = {
            "missing": ArtifactState.MISSING,
            "damaged": ArtifactState.DAMAGED,
            "unreadable": ArtifactState.ERROR,
        }.get(self.behaviour(action.version).artifact, ArtifactState.VERIFIED)
        digest = digest_of(action.version) if state is ArtifactState.VERIFIED else None
        return ArtifactFact(name=action.name, state=state, digest=digest)

    def _job(self, name: str) -> JobFact:
        version, start, began = self.jobs[name]
        behaviour = self.behaviour(version)
        fact = JobFact(
            name=name,
            state=JobState.RUNNING,
            started=began + self.offset,
            baseline=start.baseline,
            digest=start.digest,
        )
        if name in self.cancelled:
            return replace(fact, state=JobState.FAILED, message="cancelled")
        if behaviour.evaluation == "hangs" or (self.now - began).total_seconds() < self.job_seconds:
            return fact
        if behaviour.evaluation == "fails":
            return replace(fact, state=JobState.FAILED, message="out of memory")
        samples = tuple(self._offline(gate, version, start.baseline) for gate in start.gates)
        return replace(fact, state=JobState.SUCCEEDED, samples=samples)

    def _offline(self, gate: Gate, version: str, baseline: str | None) -> Sample:
        of_baseline = self._value(gate.metric, baseline, live=False) if baseline else None
        return Sample(
            metric=gate.metric, value=self._value(gate.metric, version, live=False), baseline=of_baseline, samples=200
        )

    def _value(self, metric: str, version: str, *, live: bool) -> Decimal:
        behaviour = self.behaviour(version)
        errors = behaviour.error_rate if live else 0.0
        if live and behaviour.error_rate_in_production is not None and self.traffic.get(version) == 100:
            errors = behaviour.error_rate_in_production
        latency = behaviour.latency_ms if live else 50.0
        numbers = {
            "error-rate": errors,
            "latency-p95-ms": latency,
            "score-drift": 0.0,
            "invalid-outputs": 0.0,
            "empty-rate": 0.0,
        }
        return Decimal(str(numbers.get(metric, behaviour.quality)))

    def _serving(self, version: str) -> ServingFact | None:
        if version not in self.servings:
            return None
        ensured, started = self.servings[version]
        behaviour = self.behaviour(version)
        ready = behaviour.starts and (self.now - started).total_seconds() >= self.start_seconds
        digest = digest_of(f"{version}-swapped") if behaviour.artifact == "swapped" else ensured.digest
        known = ready and version not in self.unasked
        return ServingFact(
            state=ServingState.READY if known else ServingState.PENDING,
            answers=ready,
            digest=digest if known else None,
            revision=ensured.revision,
        )

    def _measure(self, action: Measure) -> None:
        known = self.measurements.get(action.version)
        if known is None or known.name != action.name:
            self.measurements[action.version] = self._measured(action, self.now + self.offset)

    def _measured(self, action: Measure, now: datetime) -> Measurement:
        if self.metrics == "down":
            return Measurement(name=action.name, at=now, error="connection refused")
        samples = tuple(self._online(gate, action, now) for gate in action.gates)
        return Measurement(name=action.name, at=now, samples=samples)

    def _online(self, gate: Gate, action: Measure, now: datetime) -> Sample:
        seconds = max(0, int((now - action.since).total_seconds()))
        asked = REQUESTS_PER_SECOND * seconds * self.traffic.get(action.version, 0) // 100 if self.users_ask else 0
        nan = Decimal("NaN")
        unknown = self.metrics == "nan" or asked == 0
        beside = action.baseline is not None and self.traffic.get(action.baseline, 0) > 0 and not unknown
        value = nan if unknown else self._value(gate.metric, action.version, live=True)
        bounded = action.alpha is not None and gate.metric == "error-rate" and not unknown
        bounds = share(Tally(float(value) * asked, asked), action.alpha) if bounded else None
        return Sample(
            metric=gate.metric,
            value=value,
            baseline=self._value(gate.metric, action.baseline, live=True) if beside and action.baseline else None,
            low=Decimal(f"{bounds.low:.6g}") if bounds else None,
            high=Decimal(f"{bounds.high:.6g}") if bounds else None,
            samples=asked,
            newest=now - timedelta(hours=1) if self.metrics == "stale" else now,
        )

    def _retrain(self, action: EnsureRetraining | RemoveRetraining | StartRetraining | CreateVersion) -> None:
        match action:
            case EnsureRetraining():
                self.schedule = action
                self.due = None if action.suspended else next_run(action.schedule, action.time_zone, self.now)
            case RemoveRetraining():
                self.schedule = self.due = None
            case StartRetraining():
                self._run(action.name, action.parent, self.now, action.trigger)
            case CreateVersion():
                source = codec(Origin).dump(action.source)
                lineage = codec(Lineage).dump(action.lineage)
                spec = {"model": "recipes", "version": action.version, "source": source, "lineage": lineage}
                self.manifests.append({"apiVersion": API_VERSION, "kind": "ModelVersion", "spec": spec})

    def _run(self, name: str, parent: str, started: datetime, trigger: Trigger) -> None:
        if name in self.runs:
            return
        candidate = None
        if self.candidates:
            lineage = Lineage(trigger=trigger, parent=parent, job=name)
            candidate = Candidate(version=self.candidates.pop(0), source=Origin(), lineage=lineage)
        state = JobState.SUCCEEDED if candidate else JobState.FAILED
        self.runs[name] = RetrainingJob(name=name, state=state, started=started, candidate=candidate)
