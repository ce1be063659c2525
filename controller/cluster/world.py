"""What the cluster says of one model, read anew for each decision."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from controller.cluster import jobs
from controller.cluster.kinds import (
    APPROVALS,
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    JOBS,
    MODEL,
    MODELS,
    PODS,
    PURPOSE,
    ROUTES,
    SERVICES,
    VERSION,
    VERSIONS,
)
from controller.cluster.routing import weights_of
from controller.cluster.serving import predictor_name, serving_fact
from controller.observation import VersionFacts
from controller.resource.approval import ModelApproval
from controller.resource.model import Model
from controller.resource.parse import read
from controller.resource.problems import InvalidManifest
from controller.resource.version import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from controller.cluster.api import KubeApi, Object
    from controller.observation import ArtifactFact, JobFact, Measurement, ServingFact

_JOB_NAME = "batch.kubernetes.io/job-name"


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


def resources_of(api: KubeApi, model: str) -> Resources:
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
    versions = read_all("ModelVersion", [each for each in api.list(VERSIONS) if _names(each, model)])
    approvals = read_all("ModelApproval", [each for each in api.list(APPROVALS) if _names(each, model)])
    return Resources(
        model=next((each for each in models if isinstance(each, Model)), None),
        versions=tuple(_claimed(each) for each in versions if isinstance(each, ModelVersion)),
        approvals=tuple(_proved(each) for each in approvals if isinstance(each, ModelApproval)),
        documents=documents,
        unreadable=tuple(unreadable),
    )


def _names(document: Object, model: str) -> bool:
    return bool((document.get("spec") or {}).get("model") == model)


def _claimed(version: ModelVersion) -> ModelVersion:
    return replace(version, meta=replace(version.meta, created_by=version.spec.requested_by))


def _proved(approval: ModelApproval) -> ModelApproval:
    """The admission policy of the chart lets nobody name another approver than themselves."""
    return replace(approval, meta=replace(approval.meta, created_by=approval.spec.approver))


class Facts:
    """Reads the children of one model. `digest_at` asks a predictor's address which digest it serves.

    What a finished job said does not change, so it is asked for once.
    """

    def __init__(self, api: KubeApi, model: str, digest_at: Callable[[str], str | None]) -> None:
        self._api = api
        self._model = model
        self._digest_at = digest_at
        self._said: dict[str, str] = {}

    def traffic(self, versions: Sequence[ModelVersion]) -> dict[str, int] | None:
        """Read the split back."""
        route = self._api.get(ROUTES, self._model)
        return weights_of(route, self._model, [each.spec.version for each in versions])

    def all(self, measurements: Mapping[str, Measurement]) -> tuple[VersionFacts, ...]:
        """Everything that is known of each version outside its object."""
        artifacts, judged = self._jobs()
        servings = self._servings()
        return tuple(
            VersionFacts(
                version=version,
                artifact=artifacts.get(version),
                jobs=tuple(judged.get(version, ())),
                serving=servings.get(version),
                measurement=measurements.get(version),
            )
            for version in sorted({*artifacts, *judged, *servings, *measurements})
        )

    def _jobs(self) -> tuple[dict[str, ArtifactFact], dict[str, list[JobFact]]]:
        artifacts: dict[str, ArtifactFact] = {}
        judged: dict[str, list[JobFact]] = defaultdict(list)
        found = self._api.list(JOBS, {MODEL: self._model})
        for job in sorted(found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])):
            version, message = jobs.version_of(job), self._message(job)
            if jobs.is_verification(job):
                artifacts[version] = jobs.artifact_fact(job, message)
            else:
                judged[version].append(jobs.job_fact(job, message))
        self._said = {job["metadata"]["uid"]: self._said.get(job["metadata"]["uid"], "") for job in found}
        return artifacts, judged

    def _message(self, job: Object) -> str:
        """The last words of a job that ended: those of its latest pod that has any."""
        uid = job["metadata"]["uid"]
        if not jobs.ended(job):
            return ""
        if not self._said.get(uid):
            pods = self._api.list(PODS, {_JOB_NAME: job["metadata"]["name"]})
            ended = [
                (state["finishedAt"], state.get("message", ""))
                for pod in pods
                for status in pod.get("status", {}).get("containerStatuses", [])
                if (state := status.get("state", {}).get("terminated"))
            ]
            self._said[uid] = max(ended, default=("", ""))[1]
        return self._said[uid]

    def _servings(self) -> dict[str, ServingFact]:
        selector = {MODEL: self._model, PURPOSE: "serving"}
        services = self._api.list(INFERENCE_SERVICES, selector)
        if not services:
            return {}
        deployments = {each["metadata"]["name"]: each for each in self._api.list(DEPLOYMENTS, selector)}
        pods = self._api.list(PODS, selector)
        return {
            service["metadata"]["annotations"][VERSION]: self._serving(service, deployments, pods)
            for service in services
            if "deletionTimestamp" not in service["metadata"]
        }

    def _serving(self, service: Object, deployments: Mapping[str, Object], pods: Sequence[Object]) -> ServingFact:
        name = service["metadata"]["name"]
        own = [pod for pod in pods if pod["metadata"]["labels"].get("serving.kserve.io/inferenceservice") == name]
        fact = serving_fact(service, deployments.get(predictor_name(name)), own, said="")
        if fact.digest is None:
            return fact
        backend = self._api.get(SERVICES, predictor_name(name))
        said = self._digest_at(backend["spec"]["clusterIP"]) if backend else None
        return serving_fact(service, deployments.get(predictor_name(name)), own, said=said)
