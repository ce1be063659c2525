"""Jobs that fetch and judge artefacts, and what they came to. Pure.

A Job bears the name of the action that asked for it, and the action itself in an annotation; its answer is the JSON in
its pod's termination message (at most 4 KiB).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from controller.actions import StartEvaluation, StartReplay, VerifyArtifact, to_dict
from controller.cluster.kinds import ASK, JOBS, MODEL, PURPOSE, VERSION
from controller.cluster.pods import POD_SECURITY, SCRATCH, Object, container
from controller.observation import ArtifactFact, ArtifactState, JobFact, JobState
from controller.resource.codec import codec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.resource.meta import Meta

_PURPOSES = {VerifyArtifact: "verify", StartEvaluation: "evaluate", StartReplay: "replay"}
_TRIES = 3
_DEADLINE_SECONDS = 3600
_RESOURCES: Object = {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "3Gi"}}


def job_manifest(
    action: VerifyArtifact | StartEvaluation | StartReplay, owner: Meta, *, model: str, image: str, registry: str
) -> Object:
    """Return the Job that answers `action`; it goes with the version that it is about."""
    words = {"RECIPES_MODEL": model, "RECIPES_MLFLOW_URI": registry, "RECIPES_ASK": json.dumps(to_dict(action))}
    work = container(
        "job", image, _RESOURCES, command=["python", "-m", "mlops.pod_job"],
        env=[{"name": name, "value": value} for name, value in words.items()],
    )  # fmt: skip
    labels = {MODEL: model, PURPOSE: _PURPOSES[type(action)]}
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": action.name,
            "labels": labels,
            "annotations": {VERSION: action.version, ASK: json.dumps(to_dict(action))},
            "ownerReferences": [
                {"apiVersion": "mlops.recipe-recommender.io/v1alpha1", "kind": "ModelVersion", "name": owner.name,
                 "uid": owner.uid, "controller": True}
            ],
        },
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _DEADLINE_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "securityContext": POD_SECURITY,
                    "automountServiceAccountToken": False,
                    "containers": [work],
                    "volumes": [SCRATCH],
                },
            },
        },
    }  # fmt: skip


def version_of(job: Object) -> str:
    """Return the version that a Job is about."""
    return str(job["metadata"]["annotations"][VERSION])


def is_verification(job: Object) -> bool:
    """Whether it fetches and verifies, rather than judges."""
    return bool(job["metadata"]["labels"][PURPOSE] == _PURPOSES[VerifyArtifact])


def ended(job: Object) -> bool:
    """Whether nothing will change about it."""
    return _ending(job) is not None


def artifact_fact(job: Object, message: str) -> ArtifactFact:
    """Read what a verification came to; `message` is what its last pod said at its end."""
    name = job["metadata"]["name"]
    if _ending(job) is None:
        return ArtifactFact(name=name, state=ArtifactState.PENDING)
    answer = _answer(message)
    if answer is None:
        return ArtifactFact(name=name, state=ArtifactState.ERROR, message=_why(job, message))
    try:
        return codec(ArtifactFact).load({**answer, "name": name})
    except ValidationError:
        return ArtifactFact(name=name, state=ArtifactState.ERROR, message=_why(job, message))


def job_fact(job: Object, message: str) -> JobFact:
    """Read what a judgement came to."""
    name = job["metadata"]["name"]
    started = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
    baseline = json.loads(job["metadata"]["annotations"][ASK])["baseline"]
    if _ending(job) is None:
        return JobFact(name=name, state=JobState.RUNNING, started=started, baseline=baseline)
    answer = _answer(message)
    if answer is not None and _ending(job) == "Complete":
        try:
            said = {**answer, "name": name, "state": "Succeeded", "baseline": baseline}
            return codec(JobFact).load({**said, "started": started.isoformat()})
        except ValidationError:
            pass
    return JobFact(name=name, state=JobState.FAILED, started=started, baseline=baseline, message=_why(job, message))


def _ending(job: Object) -> str | None:
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return str(condition["type"])
    return None


def _answer(message: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _why(job: Object, message: str) -> str:
    told = message.strip().rpartition("\n")[2]
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] == "Failed":
            told = told or f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return (told or "the job ended without an answer")[:500]
