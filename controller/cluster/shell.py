"""One model's world in Kubernetes: what is observed, how each action is carried out, what is kept.

    key ──► observe ──► decide ──► perform ──► save ──► …   (`controller.loop.settle`)

Every act is a server-side apply or a create of an object whose name follows from what it is for, so that doing it twice
is doing it once. Nothing is remembered here that a restart could not read again, but measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import structlog

from controller import actions
from controller.cluster.job_reading import JobReader
from controller.cluster.jobs import job_manifest
from controller.cluster.key import Key
from controller.cluster.kinds import (
    CRON_JOBS,
    FINALIZER,
    INFERENCE_SERVICES,
    JOBS,
    MODELS,
    ROUTES,
    SERVICES,
    VERSIONS,
)
from controller.cluster.measuring import Question, Window, samples
from controller.cluster.recording import EVENT, LOGGER, packed
from controller.cluster.retrain_due import is_due
from controller.cluster.retraining import cron_job, drift_cron_job, drift_name, retraining_job
from controller.cluster.routing import Entrance, http_route, traffic_service
from controller.cluster.serving import inference_service
from controller.cluster.telling import Teller
from controller.cluster.world import Facts, resources_of
from controller.observation import Measurement, Observation, RetrainingFacts
from controller.replay import Record
from controller.resource.codec import codec
from controller.resource.meta import API_VERSION, version_name
from controller.resource.version import Lineage, Origin
from controller.resource.version_status import VersionStatus
from controller.rollout_traces import RolloutTraces
from controller.spans import traceparent
from mlops.errors import MlopsError, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controller.actions import Action
    from controller.cluster.api import Object
    from controller.cluster.board import Board
    from controller.cluster.kinds import Kind
    from controller.cluster.mirror import MirroredNamespace
    from controller.cluster.prometheus import Prometheus
    from controller.cluster.settings import Settings
    from controller.cluster.world import Resources
    from controller.decide import Decision
    from controller.observation import Sample
    from controller.registry_watch import RegistryWatch
    from controller.resource.model import Model
    from controller.resource.model_status import ModelStatus
    from controller.resource.version import ModelVersion
    from controller.spans import Span

_log = structlog.stdlib.get_logger("mlops")
_record = structlog.stdlib.get_logger(LOGGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all models share. `digest_at` asks a predictor's address which digest it serves.

    `entered` is told of each version that came into a stage, and why; `trace` of spans that have ended.
    """

    settings: Settings
    prometheus: Prometheus | None
    digest_at: Callable[[str], str | None]
    clock: Callable[[], datetime]
    board: Board
    entered: Callable[[Key, str, str], None]
    trace: Callable[[Sequence[Span]], None]


class Gone(NotFound):
    """Neither the Model nor a version of it is left."""


class ClusterShell:
    """A `controller.loop.Shell` over the API of a cluster. One thread at a time uses it."""

    def __init__(self, model: str, api: MirroredNamespace, around: Surroundings, registry: RegistryWatch) -> None:
        self._model = model
        self._key = Key(api.namespace, model)
        self._called = around.settings.called(self._key)
        self._api = api
        self._around = around
        self._registry = registry
        self._splits = around.settings.traffic == "gatewayAPI"
        self._facts = Facts(api, model, around.digest_at, around.clock)
        self._jobs = JobReader(api, model)
        self._traces = RolloutTraces(self._called, around.trace)
        self._measurements: dict[str, Measurement] = {}
        self._resources: Resources | None = None
        self._teller = Teller(api, model, around.clock)

    def observe(self) -> Observation:
        """Read everything anew. Raises Gone where neither the Model nor a version of it is there."""
        found = self._resources = self._whole(resources_of(self._api, self._model))
        assert found.model is not None  # noqa: S101 - made by `_whole`
        self._teller.catch_up(found.documents)
        # As stored, so that a process that has just begun shows what has long been at rest.
        self._around.board.show(
            self._key, {each.spec.version: each.status for each in found.versions if each.status is not None}
        )
        judged = self._jobs.read()
        return Observation(
            model=found.model,
            versions=found.versions,
            approvals=found.approvals,
            facts=self._facts.all(judged, self._measurements),
            traffic=self._facts.traffic(found.model.meta, found.versions, self._entrance() if self._splits else None),
            registry=self._registry.fact,
            retraining=RetrainingFacts(
                applied=self._facts.schedule(),
                jobs=judged.runs,
                new_data=is_due(found.documents["Model", self._model]),
            ),
            splits_traffic=self._splits,
            keeps_queries=bool(self._around.settings.feedback_claim),
        )

    def rest(self) -> bool:
        """Let go of what was read; whether pods that are available do not say yet what they serve."""
        self._resources = None
        return self._facts.unanswered

    def perform(self, action: Action) -> None:
        """Do it, or find it done."""
        match action:
            case actions.VerifyArtifact() | actions.StartEvaluation() | actions.StartReplay():
                self._start(action)
            case actions.CancelJob():
                self._api.delete(JOBS, action.name)
            case actions.Measure():
                self._measure(action)
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
        """Write the statuses that changed, the Model's first. Raises Transient where somebody wrote since."""
        if decision.model != observation.model.status:
            self._write(MODELS, self._model, decision.model)
        changed = decision.changed(observation)
        written: list[str] = []
        try:
            for version in observation.versions:
                number = version.spec.version
                if number in changed:
                    self._write(VERSIONS, version_name(self._model, number), changed[number])
                    written.append(number)
                    self._tell_of_change(version, changed[number], at)
        finally:  # the record is of what was written, also where it is cut short
            if written:
                record = packed(Record.of(at, observation, decision))
                _record.info(EVENT, namespace=self._api.namespace, model=self._model, versions=written, record=record)
        self._registry.follow(decision.statuses)

    def _tell_of_change(self, version: ModelVersion, now: VersionStatus, at: datetime) -> None:
        """A line of the log, metrics, and the trace of a change that is written."""
        number, before = version.spec.version, version.status or VersionStatus(since=at)
        # Of a new stage an Event is told, which is logged as well.
        if now.stage is before.stage and (now.reason, now.weight) != (before.reason, before.weight):
            _log.info(
                "version", model=self._model, version=number, stage=now.stage.value, reason=now.reason.value,
                weight=now.weight, message=now.message,
            )  # fmt: skip
        if now.stage is not before.stage:
            self._around.entered(self._key, now.stage.value, now.reason.value)
        self._traces.changed(version, now, at)

    def _write(self, kind: Kind, name: str, status: ModelStatus | VersionStatus) -> None:
        # What columns show is written also where it is the default; everything else is left out then.
        shown: Object = {"reason": status.reason.value}
        if isinstance(status, VersionStatus):
            shown |= {"stage": status.stage.value, "weight": status.weight}
        document = self._document(kind.kind, name)
        try:
            self._api.replace_status(kind, {**document, "status": shown | codec(type(status)).dump(status)})
        except NotFound:
            return  # let go in this very round

    def _whole(self, found: Resources) -> Resources:
        """The resources with what must be there before anything is decided: a Model, and our hold on each of them."""
        for each in found.unreadable:
            self._teller.refuse(each)
            if each.document["kind"] == "Model":
                raise Permanent(each.problem, hint="correct the Model; until then nothing about it is decided")
        api = self._api
        if found.model is None and all(version.meta.deleting for version in found.versions):
            # What was made for the Model went with it, so nothing holds them any more; nor do they bring it back.
            for version in found.versions:
                self._let_go(VERSIONS, found.documents["ModelVersion", version.meta.name])
            raise Gone(f"there is neither a Model {self._model} nor a version of it that stays")
        changed = False
        if found.model is None:
            api.create(
                MODELS, {"apiVersion": API_VERSION, "kind": "Model", "metadata": {"name": self._model}, "spec": {}}
            )
            changed = True
        for (kind, name), document in found.documents.items():
            metadata = document["metadata"]
            held = FINALIZER in metadata.get("finalizers", ())
            if kind == "ModelApproval" or held or "deletionTimestamp" in metadata:
                continue
            wanted = [*metadata.get("finalizers", ()), FINALIZER]
            change = {"metadata": {"finalizers": wanted, "resourceVersion": metadata["resourceVersion"]}}
            api.merge(MODELS if kind == "Model" else VERSIONS, name, change)
            changed = True
        if not changed:
            return found
        # What is held for the first time may have come together with a change of the Model, which another watch tells
        # of; a version is judged by the policy that was there when it came.
        api.renew(MODELS, self._model)
        return self._whole(resources_of(api, self._model))

    def _document(self, kind: str, name: str) -> Object:
        assert self._resources is not None  # noqa: S101 - saving follows observing
        return self._resources.documents[kind, name]

    def _start(self, action: actions.VerifyArtifact | actions.StartEvaluation | actions.StartReplay) -> None:
        settings = self._around.settings
        assert self._resources is not None  # noqa: S101 - acting follows observing
        version = next(each for each in self._resources.versions if each.spec.version == action.version)
        trace = traceparent(version)
        self._api.create(JOBS, job_manifest(action, version.meta, settings, model=self._model, trace=trace))

    def _measure(self, action: actions.Measure) -> None:
        known = self._measurements.get(action.version)
        if known is not None and known.name == action.name and known.error is None:
            return
        now = self._around.clock()
        prometheus = self._around.prometheus
        found: tuple[Sample, ...] = ()
        error = None
        if prometheus is None:
            error = "the controller knows no Prometheus: set CONTROLLER_PROMETHEUS"
        else:
            question = Question(
                version=action.version,
                baseline=action.baseline,
                window=Window.between(
                    action.since, now, namespace=self._api.namespace, model=self._model, called=self._called
                ),
                queries=action.queries,
                alpha=action.alpha,
            )
            try:
                at = now.timestamp()
                found = samples(action.gates, question, lambda query: prometheus.ask(query, at))
            except MlopsError as fault:
                error = fault.message
        self._measurements[action.version] = Measurement(name=action.name, at=now, samples=found, error=error)

    def _serve(
        self, action: actions.EnsureServing | actions.StopServing | actions.SetTraffic | actions.MoveAlias
    ) -> None:
        api, settings = self._api, self._around.settings
        match action:
            case actions.EnsureServing():
                source = self._source(action.version).uri
                wished = inference_service(action, settings, self._owner().meta, source=source)
                self._facts.wrote(api.apply(INFERENCE_SERVICES, wished))
            case actions.StopServing():
                api.delete(INFERENCE_SERVICES, action.name)
            case actions.SetTraffic() if not any(action.weights.values()):
                api.delete(ROUTES if self._splits else SERVICES, self._model)
            case actions.SetTraffic():
                self._lead(action.weights)
            case actions.MoveAlias():
                self._registry.promote(action.version, "every gate of its rollout passed")

    def _lead(self, weights: dict[str, int]) -> None:
        api = self._api
        if not self._splits:
            (version,) = [version for version, weight in weights.items() if weight > 0]
            api.apply(SERVICES, traffic_service(self._owner().meta, version))
            return
        api.apply(ROUTES, http_route(self._owner().meta, weights, self._entrance()))

    def _entrance(self) -> Entrance:
        settings, serving = self._around.settings, self._owner().spec.serving
        return Entrance(
            hostname=serving.hostname or settings.hostname.format(model=self._model, namespace=self._api.namespace),
            gateway=serving.gateway or settings.gateway,
            api=settings.api_service if settings.scope == "namespace" else None,  # a route leads to its namespace
        )

    def _owner(self) -> Model:
        assert self._resources is not None  # noqa: S101 - acting follows observing
        assert self._resources.model is not None  # noqa: S101 - as above
        return self._resources.model

    def _source(self, version: str) -> Origin:
        assert self._resources is not None  # noqa: S101 - acting follows observing
        return next((each.spec.source for each in self._resources.versions if each.spec.version == version), Origin())

    def _conclude(self, action: actions.Notify | actions.ReleaseVersion | actions.ReleaseModel) -> None:
        match action:
            case actions.Notify():
                self._teller.tell(action, self._resources.documents if self._resources else {})
            case actions.ReleaseVersion():
                self._let_go(VERSIONS, self._document("ModelVersion", action.name))
            case actions.ReleaseModel():
                self._let_go(MODELS, self._document("Model", action.name))

    def _let_go(self, kind: Kind, document: Object) -> None:
        metadata = document["metadata"]
        kept = [each for each in metadata.get("finalizers", ()) if each != FINALIZER]
        self._api.merge(kind, metadata["name"], {"metadata": {"finalizers": kept or None}})

    def _retrain(
        self,
        action: actions.EnsureRetraining | actions.RemoveRetraining | actions.StartRetraining | actions.CreateVersion,
    ) -> None:
        match action:
            case actions.CreateVersion():
                name = version_name(self._model, action.version)
                spec = {
                    "model": self._model,
                    "version": action.version,
                    "source": codec(Origin).dump(action.source),
                    "lineage": codec(Lineage).dump(action.lineage),
                }
                manifest = {"apiVersion": API_VERSION, "kind": "ModelVersion", "metadata": {"name": name}, "spec": spec}
                self._api.create(VERSIONS, manifest)
            case actions.EnsureRetraining():
                owner, settings = self._owner().meta, self._around.settings
                self._api.apply(CRON_JOBS, cron_job(action, owner, settings))
                if settings.feedback_claim:
                    self._api.apply(CRON_JOBS, drift_cron_job(action, owner, settings))
            case actions.RemoveRetraining():
                self._api.delete(CRON_JOBS, action.name)
                self._api.delete(CRON_JOBS, drift_name(action.name))
            case actions.StartRetraining():
                self._api.create(JOBS, retraining_job(action, self._owner().meta, self._around.settings))
