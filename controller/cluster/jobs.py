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
from controller.cluster.key import Key
from controller.cluster.kinds import ASK, JOB_NAME, JOBS, MODEL, PURPOSE, VERSION
from controller.cluster.pods import (
    FEEDBACK,
    POD_SECURITY,
    SCRATCH,
    Object,
    collecting,
    container,
    feedback_volume,
    from_secret,
    of_priority,
    owned_by,
)
from controller.observation import ArtifactFact, ArtifactState, JobFact, JobState
from controller.resource.codec import codec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.actions import Action
    from controller.cluster.settings import Settings
    from controller.resource.meta import Meta

RETRAIN = "retrain"
DRIFT = "drift"
_PURPOSES = {VerifyArtifact: "verify", StartEvaluation: "evaluate", StartReplay: "replay"}
_READ_FEEDBACK = {RETRAIN, DRIFT, _PURPOSES[StartReplay]}
_TRIES = 3
_DEADLINE_SECONDS = 3600
_RESOURCES: Object = {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "3Gi"}}


def job_manifest(
    action: VerifyArtifact | StartEvaluation | StartReplay,
    owner: Meta,
    settings: Settings,
    *,
    model: str,
    trace: str | None = None,
) -> Object:
    """Return the Job that answers `action`; it goes with its version, and is of the trace of its rollout."""
    purpose = _PURPOSES[type(action)]
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": action.name,
            "labels": {MODEL: model, PURPOSE: purpose},
            "annotations": {VERSION: action.version, ASK: json.dumps(to_dict(action))},
            "ownerReferences": [owned_by(owner, "ModelVersion")],
        },
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _DEADLINE_SECONDS,
            "template": pod_template(action, settings, Key(owner.namespace, model), purpose=purpose, trace=trace),
        },
    }  # fmt: skip


def pod_template(action: Action, settings: Settings, key: Key, *, purpose: str, trace: str | None = None) -> Object:
    """Return the pod that does what `action` asks; what users asked and told is there for who replays or trains."""
    words = {
        "RECIPES_MODEL": settings.called(key),
        "RECIPES_MLFLOW_URI": settings.registry,
        "RECIPES_ASK": json.dumps(to_dict(action)),
    }
    if purpose == DRIFT:
        del words["RECIPES_ASK"]
    env: list[Object] = [{"name": name, "value": value} for name, value in words.items()]
    env += collecting(settings.otel, f"{settings.called(key)}-jobs", **({"TRACEPARENT": trace} if trace else {}))
    mounts: dict[str, str] = {}
    volumes = [SCRATCH]
    if purpose == RETRAIN:
        named = {"fieldRef": {"fieldPath": f"metadata.labels['{JOB_NAME}']"}}
        env.append({"name": "RECIPES_JOB_NAME", "valueFrom": named})
    if purpose in _READ_FEEDBACK and settings.feedback_claim:
        mounts["feedback"] = FEEDBACK
        env.append({"name": "RECIPES_FEEDBACK", "value": FEEDBACK})
        volumes = [SCRATCH, feedback_volume(settings.feedback_claim)]
    return {
        "metadata": {"labels": {MODEL: key.model, PURPOSE: purpose}},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": POD_SECURITY,
            "automountServiceAccountToken": False,
            **of_priority(settings.jobs_priority_class),
            "containers": [
                container(
                    "job",
                    settings.jobs_image,
                    _RESOURCES,
                    mounts,
                    command=["python", "-m", "mlops.pod_drift" if purpose == DRIFT else "mlops.pod_job"],
                    env=env,
                    **from_secret(settings.registry_secret),
                )
            ],
            "volumes": volumes,
        },
    }


def version_of(job: Object) -> str:
    """Return the version that a Job is about."""
    return str(job["metadata"]["annotations"][VERSION])


def is_verification(job: Object) -> bool:
    """Whether it fetches and verifies."""
    return bool(job["metadata"]["labels"][PURPOSE] == _PURPOSES[VerifyArtifact])


def is_judgement(job: Object) -> bool:
    """Whether it evaluates or replays."""
    return job["metadata"]["labels"][PURPOSE] in {_PURPOSES[StartEvaluation], _PURPOSES[StartReplay]}


def is_retraining(job: Object) -> bool:
    """Whether it trains."""
    return bool(job["metadata"]["labels"][PURPOSE] == RETRAIN)


def is_drift(job: Object) -> bool:
    """Whether it compares what users ask."""
    return bool(job["metadata"]["labels"][PURPOSE] == DRIFT)


def artifact_fact(job: Object, message: str) -> ArtifactFact:
    """Read what a verification came to; `message` is what its last pod said at its end."""
    name = job["metadata"]["name"]
    if ending(job) is None:
        return ArtifactFact(name=name, state=ArtifactState.PENDING)
    answer = answer_of(message)
    if answer is None:
        return ArtifactFact(name=name, state=ArtifactState.ERROR, message=why(job, message))
    try:
        return codec(ArtifactFact).load({**answer, "name": name})
    except ValidationError:
        return ArtifactFact(name=name, state=ArtifactState.ERROR, message=why(job, message))


def job_fact(job: Object, message: str) -> JobFact:
    """Read what a judgement came to."""
    name = job["metadata"]["name"]
    started = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
    baseline = json.loads(job["metadata"]["annotations"][ASK])["baseline"]
    if ending(job) is None:
        return JobFact(name=name, state=JobState.RUNNING, started=started, baseline=baseline)
    answer = answer_of(message)
    if answer is not None and ending(job) == "Complete":
        if not answer.get("run"):
            told = "it put no run into MLflow, so what it measured is nowhere on record"
            return JobFact(name=name, state=JobState.FAILED, started=started, baseline=baseline, message=told)
        try:
            said = {**answer, "name": name, "state": "Succeeded", "baseline": baseline}
            return codec(JobFact).load({**said, "started": started.isoformat()})
        except ValidationError:
            pass
    return JobFact(name=name, state=JobState.FAILED, started=started, baseline=baseline, message=why(job, message))


def ending(job: Object) -> str | None:
    """Return `Complete` or `Failed`, None while it runs."""
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return str(condition["type"])
    return None


def answer_of(message: str) -> Mapping[str, Any] | None:
    """Return what a pod's last words say, None where they are no answer."""
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def why(job: Object, message: str) -> str:
    """Return in a line why a job failed."""
    told = message.strip().rpartition("\n")[2]
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] == "Failed":
            told = told or f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return (told or "the job ended without an answer")[:500]
