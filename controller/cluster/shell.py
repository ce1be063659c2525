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
from controller.cluster.jobs import job_manifest
from controller.cluster.kinds import (
    EVENTS,
    FINALIZER,
    INFERENCE_SERVICES,
    JOBS,
    MODELS,
    ROUTES,
    VERSIONS,
)
from controller.cluster.measuring import Window, samples
from controller.cluster.routing import http_route
from controller.cluster.serving import inference_service
from controller.cluster.world import Facts, resources_of
from controller.observation import Measurement, Observation
from controller.resource.codec import codec
from controller.resource.meta import API_VERSION, version_name
from controller.resource.version import Lineage, Origin
from controller.resource.version_status import VersionStatus
from mlops.errors import MlopsError, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.actions import Action
    from controller.cluster.api import KubeApi, Object
    from controller.cluster.kinds import Kind
    from controller.cluster.prometheus import Prometheus
    from controller.cluster.settings import Settings
    from controller.cluster.world import Resources, Unreadable
    from controller.decide import Decision
    from controller.observation import Sample
    from controller.registry_watch import RegistryWatch
    from controller.resource.model_status import ModelStatus

BY = "recipe-recommender-controller"
_LONGEST_NOTE = 1024  # of an Event

_log = structlog.stdlib.get_logger("mlops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all models share. `digest_at` asks a predictor's address which digest it serves."""

    api: KubeApi
    settings: Settings
    prometheus: Prometheus | None
    digest_at: Callable[[str], str | None]
    clock: Callable[[], datetime]


class Gone(NotFound):
    """Neither the Model nor a version of it is left."""


class ClusterShell:
    """A `controller.loop.Shell` over the API of a cluster. One thread at a time uses it."""

    def __init__(self, model: str, around: Surroundings, registry: RegistryWatch) -> None:
        self._model = model
        self._around = around
        self._registry = registry
        self._facts = Facts(around.api, model, around.digest_at)
        self._measurements: dict[str, Measurement] = {}
        self._resources: Resources | None = None
        self._untold: list[actions.Notify] = []

    def observe(self) -> Observation:
        """Read everything anew. Raises Gone where neither the Model nor a version of it is there."""
        found = self._resources = self._whole(resources_of(self._around.api, self._model))
        assert found.model is not None  # noqa: S101 - made by `_whole`
        # A notice follows from a change, which is seen once: unlike every other act it is not asked for again.
        for notice in self._untold:
            self._tell(notice)
        self._untold = []
        return Observation(
            model=found.model,
            versions=found.versions,
            approvals=found.approvals,
            facts=self._facts.all(self._measurements),
            traffic=self._facts.traffic(found.versions),
            registry=self._registry.fact,
        )

    def perform(self, action: Action) -> None:
        """Do it, or find it done."""
        match action:
            case actions.VerifyArtifact() | actions.StartEvaluation() | actions.StartReplay():
                self._start(action)
            case actions.CancelJob():
                self._around.api.delete(JOBS, action.name)
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

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:  # noqa: ARG002 - the port's
        """Write the statuses that changed, the Model's first. Raises Transient where somebody wrote since."""
        if decision.model != observation.model.status:
            self._write(MODELS, self._model, decision.model)
        for number, changed in decision.changed(observation).items():
            self._write(VERSIONS, version_name(self._model, number), changed)
        self._registry.follow(decision.statuses)

    def _write(self, kind: Kind, name: str, status: ModelStatus | VersionStatus) -> None:
        # What columns show is written also where it is the default; everything else is left out then.
        shown: Object = {"reason": status.reason.value}
        if isinstance(status, VersionStatus):
            shown |= {"stage": status.stage.value, "weight": status.weight}
        document = self._document(kind.kind, name)
        try:
            self._around.api.replace_status(kind, {**document, "status": shown | codec(type(status)).dump(status)})
        except NotFound:
            return  # let go in this very round

    def _whole(self, found: Resources) -> Resources:
        """The resources with what must be there before anything is decided: a Model, and our hold on each of them."""
        for each in found.unreadable:
            self._tell_unreadable(each)
            if each.document["kind"] == "Model":
                raise Permanent(each.problem, hint="correct the Model; until then nothing about it is decided")
        if found.model is None and not found.versions:
            raise Gone(f"there is neither a Model {self._model} nor a version of it")
        api = self._around.api
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
        return self._whole(resources_of(api, self._model)) if changed else found

    def _document(self, kind: str, name: str) -> Object:
        assert self._resources is not None  # noqa: S101 - saving follows observing
        return self._resources.documents[kind, name]

    def _start(self, action: actions.VerifyArtifact | actions.StartEvaluation | actions.StartReplay) -> None:
        settings = self._around.settings
        assert self._resources is not None  # noqa: S101 - acting follows observing
        owner = next(each.meta for each in self._resources.versions if each.spec.version == action.version)
        job = job_manifest(action, owner, model=self._model, image=settings.jobs_image, registry=settings.registry)
        self._around.api.create(JOBS, job)

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
            window = Window.between(action.since, now, self._around.api.namespace)
            try:
                at = now.timestamp()
                found = samples(
                    action.gates, action.version, action.baseline, window, lambda query: prometheus.ask(query, at)
                )
            except MlopsError as fault:
                error = fault.message
        self._measurements[action.version] = Measurement(name=action.name, at=now, samples=found, error=error)

    def _serve(
        self, action: actions.EnsureServing | actions.StopServing | actions.SetTraffic | actions.MoveAlias
    ) -> None:
        api, settings = self._around.api, self._around.settings
        match action:
            case actions.EnsureServing():
                source = self._source(action.version).uri
                api.apply(INFERENCE_SERVICES, inference_service(
                    action, model=self._model, image=settings.predictor_image, registry=settings.registry, source=source
                ))  # fmt: skip
            case actions.StopServing():
                api.delete(INFERENCE_SERVICES, action.name)
            case actions.SetTraffic() if not any(action.weights.values()):
                api.delete(ROUTES, self._model)
            case actions.SetTraffic():
                api.apply(ROUTES, self._route(action.weights))
            case actions.MoveAlias():
                self._registry.promote(action.version, "every gate of its rollout passed")

    def _route(self, weights: dict[str, int]) -> Object:
        assert self._resources is not None  # noqa: S101 - acting follows observing
        assert self._resources.model is not None  # noqa: S101 - as above
        serving, settings = self._resources.model.spec.serving, self._around.settings
        return http_route(
            self._model,
            weights,
            hostname=serving.hostname or settings.hostname.format(model=self._model),
            gateway=serving.gateway or settings.gateway,
        )

    def _source(self, version: str) -> Origin:
        assert self._resources is not None  # noqa: S101 - acting follows observing
        return next((each.spec.source for each in self._resources.versions if each.spec.version == version), Origin())

    def _conclude(self, action: actions.Notify | actions.ReleaseVersion | actions.ReleaseModel) -> None:
        match action:
            case actions.Notify():
                self._untold.append(action)
                self._tell(action)
                self._untold.remove(action)
            case actions.ReleaseVersion():
                self._release("ModelVersion", action.name)
            case actions.ReleaseModel():
                self._release("Model", action.name)

    def _release(self, kind: str, name: str) -> None:
        document = self._document(kind, name)
        kept = [each for each in document["metadata"].get("finalizers", ()) if each != FINALIZER]
        self._around.api.merge(
            MODELS if kind == "Model" else VERSIONS, name, {"metadata": {"finalizers": kept or None}}
        )

    def _tell(self, action: actions.Notify) -> None:
        kind, name = ("Model", self._model)
        if action.version is not None:
            kind, name = "ModelVersion", version_name(self._model, action.version)
        regarding = self._resources.documents.get((kind, name)) if self._resources else None
        body = regarding or {"kind": kind, "metadata": {"name": name}}
        if self._event(action.name, body, action.reason.value, action.message, warning=action.warning):
            write = _log.warning if action.warning else _log.info
            write(action.message, model=self._model, version=action.version, reason=action.reason.value)

    def _tell_unreadable(self, found: Unreadable) -> None:
        metadata = found.document["metadata"]
        name = f"{metadata['name']}.unreadable-{metadata['generation']}"
        if self._event(name, found.document, "InvalidSpec", found.problem, warning=True):
            _log.error("a resource cannot be read", name=metadata["name"], reason=found.problem)

    def _event(self, name: str, regarding: Object, reason: str, note: str, *, warning: bool) -> bool:
        """Write an Event about an object, once per name; False where it was written before."""
        metadata = regarding["metadata"]
        return self._around.api.create(EVENTS, {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {"name": name},
            "eventTime": self._around.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "mlops.recipe-recommender.io/controller",
            "reportingInstance": BY,
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": "Decide",
            "note": note[:_LONGEST_NOTE],
            "regarding": {"apiVersion": API_VERSION, "kind": regarding["kind"], "name": metadata["name"],
                          "uid": metadata.get("uid", ""), "namespace": self._around.api.namespace},
        })  # fmt: skip

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
                self._around.api.create(VERSIONS, manifest)
            case actions.RemoveRetraining():
                return  # there is none to remove
            case actions.EnsureRetraining() | actions.StartRetraining():
                raise Permanent(
                    "retraining in a cluster is not built yet", hint="train by a Job, and apply the version"
                )
