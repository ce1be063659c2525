"""What the cluster says of one model, read anew for each decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from controller.cluster.kinds import (
    APPROVALS,
    CRON_JOBS,
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    MODEL,
    MODELS,
    PODS,
    PURPOSE,
    ROUTES,
    SERVICES,
    VERSION,
    VERSIONS,
    predictor_name,
)
from controller.cluster.mirror import MODEL_FIELD
from controller.cluster.retraining import schedule_fact
from controller.cluster.routing import chosen_by, weights_of
from controller.cluster.serving import ISVC, serving_fact
from controller.observation import VersionFacts
from controller.resource.approval import ModelApproval
from controller.resource.model import Model
from controller.resource.parse import read
from controller.resource.problems import InvalidManifest
from controller.resource.version import ModelVersion
from controller.retraining import schedule_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from controller.cluster.api import KubeApi, Object
    from controller.cluster.job_reading import Judged
    from controller.cluster.mirror import MirroredNamespace
    from controller.cluster.routing import Entrance
    from controller.observation import Measurement, ScheduleFact, ServingFact
    from controller.resource.meta import Meta


_BELIEVED = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A resource that the CRD lets through and the parser refuses: what spans several fields."""

    document: Object
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The resources of one model as stored, beside the documents that statuses are written to."""

    model: Model | None
    versions: tuple[ModelVersion, ...]
    approvals: tuple[ModelApproval, ...]
    documents: Mapping[tuple[str, str], Object]
    unreadable: tuple[Unreadable, ...]


def resources_of(api: MirroredNamespace | KubeApi, model: str) -> Resources:
    """Read a Model with its versions and approvals, oldest first. What cannot be read is named, and left alone."""
    documents: dict[tuple[str, str], Object] = {}
    unreadable: list[Unreadable] = []

    def read_all(kind: str, found: Sequence[Object]) -> list[Model | ModelVersion | ModelApproval]:
        values = []
        for document in sorted(
            found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])
        ):
            try:
                values.append(read(document))
                documents[kind, document["metadata"]["name"]] = document
            except InvalidManifest as error:
                unreadable.append(Unreadable(document=document, problem=str(error)))
        return values

    stored = api.get(MODELS, model)
    models = read_all("Model", [stored] if stored else [])
    versions = read_all("ModelVersion", api.list(VERSIONS, fields={MODEL_FIELD: model}))
    approvals = read_all("ModelApproval", api.list(APPROVALS, fields={MODEL_FIELD: model}))
    return Resources(
        model=next((each for each in models if isinstance(each, Model)), None),
        versions=tuple(_claimed(each) for each in versions if isinstance(each, ModelVersion)),
        approvals=tuple(_proved(each) for each in approvals if isinstance(each, ModelApproval)),
        documents=documents,
        unreadable=tuple(unreadable),
    )


def _claimed(version: ModelVersion) -> ModelVersion:
    return replace(version, meta=replace(version.meta, created_by=version.spec.requested_by))


def _proved(approval: ModelApproval) -> ModelApproval:
    """The admission policy of the chart lets nobody name another approver than themselves."""
    return replace(approval, meta=replace(approval.meta, created_by=approval.spec.approver))


class Facts:
    """Reads the children of one model. `digest_at` asks a predictor's address which digest it serves.

    What is served hardly changes while its Deployment stays as it is, so it is asked for now and then. `unanswered`:
    pods are available, and do not say yet what they serve.
    """

    def __init__(
        self,
        api: MirroredNamespace,
        model: str,
        digest_at: Callable[[str], str | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._clock = clock
        self._model = model
        self._digest_at = digest_at
        self._served: dict[str, tuple[str, datetime, str]] = {}
        self._generations: dict[str, int] = {}
        self.unanswered = False

    def traffic(
        self, owner: Meta, versions: Sequence[ModelVersion], entrance: Entrance | None
    ) -> dict[str, int] | None:
        """Read the split back; without an entrance, whom the one Service leads to."""
        numbers = [each.spec.version for each in versions]
        if entrance is None:
            return chosen_by(self._api.get(SERVICES, self._model), self._model, numbers)
        return weights_of(self._api.get(ROUTES, self._model), owner, numbers, entrance)

    def wrote(self, service: Object) -> None:
        """Know an InferenceService as it was just applied: where its spec changes later, that was another hand."""
        self._generations[service["metadata"]["name"]] = service["metadata"]["generation"]

    def all(self, judged: Judged, measurements: Mapping[str, Measurement]) -> tuple[VersionFacts, ...]:
        """Everything that is known of each version outside its object."""
        servings = self._servings()
        return tuple(
            VersionFacts(
                version=version,
                artifact=judged.artifacts.get(version),
                jobs=judged.jobs.get(version, ()),
                serving=servings.get(version),
                measurement=measurements.get(version),
            )
            for version in sorted({*judged.artifacts, *judged.jobs, *servings, *measurements})
        )

    def schedule(self) -> ScheduleFact | None:
        """The schedule of retraining as the cluster has it."""
        return schedule_fact(self._api.get(CRON_JOBS, schedule_name(self._model)))

    def _servings(self) -> dict[str, ServingFact]:
        self.unanswered = False
        selector = {MODEL: self._model, PURPOSE: "serving"}
        services = [
            each for each in self._api.list(INFERENCE_SERVICES, selector) if "deletionTimestamp" not in each["metadata"]
        ]
        names = {each["metadata"]["name"] for each in services}
        self._served = {name: said for name, said in self._served.items() if name in names}
        self._generations = {name: number for name, number in self._generations.items() if name in names}
        if not services:
            return {}
        deployments = {each["metadata"]["name"]: each for each in self._api.list(DEPLOYMENTS, selector)}
        pods = self._api.list(PODS, selector)
        return {
            service["metadata"]["annotations"][VERSION]: self._serving(
                service, deployments.get(predictor_name(service["metadata"]["name"])), pods
            )
            for service in services
        }

    def _serving(self, service: Object, deployment: Object | None, pods: Sequence[Object]) -> ServingFact:
        name = service["metadata"]["name"]
        own = [pod for pod in pods if pod["metadata"]["labels"].get(ISVC) == name]
        fact = serving_fact(service, deployment, own, said="")
        if fact.digest is not None and deployment is not None:
            said = self._digest(name, deployment["metadata"]["resourceVersion"])
            self.unanswered = self.unanswered or said is None
            fact = serving_fact(service, deployment, own, said=said)
        generation = service["metadata"]["generation"]
        if self._generations.setdefault(name, generation) != generation:
            return replace(fact, revision="")  # no longer as it was made
        return fact

    def _digest(self, name: str, revision: str) -> str | None:
        """What the pods behind a Service say that they serve, asked again when the Deployment changed, or later on."""
        now, known = self._clock(), self._served.get(name)
        if known is not None and known[0] == revision and now - known[1] < _BELIEVED:
            return known[2]
        backend = self._api.get(SERVICES, predictor_name(name))
        said = self._digest_at(backend["spec"]["clusterIP"]) if backend else None
        if said is not None:
            self._served[name] = (revision, now, said)
        return said
