"""What a cluster runs for a model, a line each: pods that serve, Jobs, the route, the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.cluster.kinds import (
    CRON_JOBS,
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    JOB_NAME,
    JOBS,
    MODEL,
    PODS,
    ROUTES,
    VERSION,
    predictor_name,
)
from controller.cluster.serving import ISVC
from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from controller.cluster.api import KubeApi, Object
    from controller.cluster.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One object; `version` is None where it is the model's own, `well` whether its state is one to expect."""

    kind: str
    name: str
    version: str | None
    state: str
    well: bool = True


def children(api: KubeApi, model: str) -> tuple[Child, ...]:
    """Look for all of them. A kind that the cluster lacks, or the caller may not see, is left out and said so."""
    found: dict[Kind, list[Object]] = {}
    missing = []
    for kind in (INFERENCE_SERVICES, DEPLOYMENTS, PODS, JOBS, CRON_JOBS, ROUTES):
        try:
            found[kind] = api.list(kind, {MODEL: model})
        except Permanent as fault:
            missing.append(Child(kind=kind.kind, name="?", version=None, state=fault.message, well=False))
    return (*told(found), *missing)


def told(found: Mapping[Kind, Sequence[Object]]) -> tuple[Child, ...]:
    """The objects in words, those of each version in the order serving, Jobs."""
    deployments = {each["metadata"]["name"]: each for each in found.get(DEPLOYMENTS, ())}
    pods = found.get(PODS, ())
    lines = [_route(each) for each in found.get(ROUTES, ())]
    lines += [_schedule(each) for each in found.get(CRON_JOBS, ())]
    for service in found.get(INFERENCE_SERVICES, ()):
        name = service["metadata"]["name"]
        own = [pod for pod in pods if pod["metadata"]["labels"].get(ISVC) == name]
        lines.append(_serving(service, deployments.get(predictor_name(name)), own))
    for job in found.get(JOBS, ()):
        own = [pod for pod in pods if pod["metadata"]["labels"].get(JOB_NAME) == job["metadata"]["name"]]
        lines.append(_job(job, own))
    return tuple(lines)


def pods_of(pods: Iterable[Object], jobs: Iterable[Object], version: str, name: str) -> list[str]:
    """The names of a version's pods: those that serve it first, then those of its Jobs, the oldest first."""
    own = {each["metadata"]["name"] for each in jobs if _version(each) == version}
    by_age = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    serving = [pod for pod in by_age if pod["metadata"]["labels"].get(ISVC) == name]
    judging = [pod for pod in by_age if pod["metadata"]["labels"].get(JOB_NAME) in own]
    return [pod["metadata"]["name"] for pod in (*serving, *judging)]


def _serving(service: Object, deployment: Object | None, pods: Sequence[Object]) -> Child:
    status, wanted = (deployment or {}).get("status", {}), (deployment or {}).get("spec", {}).get("replicas", 0)
    ready = status.get("availableReplicas", 0)
    trouble = _trouble(pods)
    state = f"{ready} of {wanted} pods ready" if deployment is not None else "no Deployment yet"
    return Child(
        kind="InferenceService",
        name=service["metadata"]["name"],
        version=_version(service),
        state=f"{state}; {trouble}" if trouble else state,
        well=bool(ready) and ready >= wanted,
    )


def _job(job: Object, pods: Sequence[Object]) -> Child:
    conditions = [each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"]
    ended = next((each for each in conditions if each["type"] in ("Complete", "Failed")), None)
    if ended is None:
        trouble = _trouble(pods)
        state = "runs" if job.get("status", {}).get("active") else "waits"
        return Child(
            kind="Job", name=job["metadata"]["name"], version=_version(job),
            state=f"{state}; {trouble}" if trouble else state, well=not trouble,
        )  # fmt: skip
    failed = ended["type"] == "Failed"
    return Child(
        kind="Job",
        name=job["metadata"]["name"],
        version=_version(job),
        state=f"failed: {ended.get('message', '')}" if failed else "complete",
        well=not failed,
    )


def _route(route: Object) -> Child:
    conditions = [each for parent in route.get("status", {}).get("parents", []) for each in parent["conditions"]]
    refused = [f"{each['type']}: {each.get('message', '')}" for each in conditions if each["status"] != "True"]
    hosts = ", ".join(route["spec"].get("hostnames", [])) or "any host"
    state = "; ".join(refused) or ("accepted by the Gateway" if conditions else "no Gateway has taken it up")
    return Child(
        kind="HTTPRoute",
        name=route["metadata"]["name"],
        version=None,
        state=f"{hosts}, {state}",
        well=bool(conditions) and not refused,
    )


def _schedule(schedule: Object) -> Child:
    spec, last = schedule["spec"], schedule.get("status", {}).get("lastScheduleTime")
    suspended = " (suspended)" if spec.get("suspend") else ""
    zone = spec.get("timeZone", "Etc/UTC")
    state = f"{spec['schedule']} {zone}{suspended}, last {last or 'never'}"
    return Child(kind="CronJob", name=schedule["metadata"]["name"], version=None, state=state)


def _trouble(pods: Sequence[Object]) -> str:
    """Why a pod does not come up, in Kubernetes' own word; empty where all do."""
    for pod in pods:
        status = pod.get("status", {})
        for each in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
            waiting = each.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
                return f"{pod['metadata']['name']}: {waiting['reason']} {waiting.get('message', '')}".strip()
        for each in status.get("conditions", []):
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return f"{pod['metadata']['name']}: {each.get('reason', '')} {each.get('message', '')}".strip()
    return ""


def _version(document: Object) -> str | None:
    found = document["metadata"].get("annotations", {}).get(VERSION)
    return None if found is None else str(found)
