"""Retraining in a cluster: the CronJob that production owns, runs started beside it, and what they came to. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from controller.actions import StartRetraining, to_dict
from controller.cluster.jobs import DRIFT, RETRAIN, answer_of, ending, pod_template, why
from controller.cluster.key import Key
from controller.cluster.kinds import ASK, CRON_JOBS, JOBS, MODEL, PURPOSE
from controller.cluster.pods import owned_by
from controller.observation import Candidate, JobState, RetrainingJob, ScheduleFact
from controller.resource.codec import codec
from controller.resource.version import Trigger
from mlops.retraining import DriftSeen

if TYPE_CHECKING:
    from controller.actions import EnsureRetraining
    from controller.cluster.pods import Object
    from controller.cluster.settings import Settings
    from controller.resource.meta import Meta

# Enough to be noticed, and to be looked into; what they made is in the registry.
_KEPT = 3
_LATE_SECONDS = 3600
_TRIES = 2
_DEADLINE_SECONDS = 6 * 3600
# At night, before people look.
_DAILY = "23 4 * * *"
_DRIFT_DEADLINE_SECONDS = 3600


def cron_job(action: EnsureRetraining, owner: Meta, settings: Settings) -> Object:
    """Return the CronJob that runs retraining on the schedule; it goes with its Model."""
    asked = StartRetraining(
        name=action.name, parent=action.parent, trigger=Trigger.SCHEDULED, reason=f"scheduled: {action.schedule}"
    )
    return {
        "apiVersion": CRON_JOBS.api_version,
        "kind": CRON_JOBS.kind,
        "metadata": {"name": action.name, "ownerReferences": [owned_by(owner)], **_marks(asked, owner)},
        "spec": {
            "schedule": action.schedule,
            "timeZone": action.time_zone,
            "suspend": action.suspended,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE_SECONDS,
            "successfulJobsHistoryLimit": _KEPT,
            "failedJobsHistoryLimit": _KEPT,
            "jobTemplate": {"metadata": _marks(asked, owner), "spec": _job_spec(asked, owner, settings)},
        },
    }


def drift_name(schedule: str) -> str:
    """The name of the CronJob that goes with a schedule of retraining."""
    return f"{schedule}-drift"


def drift_cron_job(action: EnsureRetraining, owner: Meta, settings: Settings) -> Object:
    """Return the CronJob that compares what users ask with what they asked, each day; it goes with its Model."""
    asked = StartRetraining(name=action.name, parent=action.parent, trigger=Trigger.SCHEDULED, reason="drift")
    labels = {"labels": {MODEL: owner.name, PURPOSE: DRIFT}}
    return {
        "apiVersion": CRON_JOBS.api_version,
        "kind": CRON_JOBS.kind,
        "metadata": {"name": drift_name(action.name), "ownerReferences": [owned_by(owner)], **labels},
        "spec": {
            "schedule": _DAILY,
            "timeZone": action.time_zone,
            "suspend": action.suspended,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "metadata": labels,
                "spec": {
                    "backoffLimit": _TRIES,
                    "activeDeadlineSeconds": _DRIFT_DEADLINE_SECONDS,
                    "template": pod_template(asked, settings, Key(owner.namespace, owner.name), purpose=DRIFT),
                },
            },
        },
    }


def drift_seen(job: Object, message: str, version: str) -> DriftSeen | None:
    """Read what a comparison came to; None where it did not come to an end, or was about another version."""
    answer = answer_of(message) if ending(job) == "Complete" else None
    found = (answer or {}).get("drift")
    if not isinstance(found, dict) or found.get("version") != version:
        return None
    return DriftSeen(
        windows=tuple(map(bool, found.get("windows", ()))),
        lasting=tuple(map(str, found.get("lasting", ()))),
        told=str(found.get("told", "")),
    )


def retraining_job(action: StartRetraining, owner: Meta, settings: Settings) -> Object:
    """Return the Job of one run; it goes with its Model."""
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {"name": action.name, "ownerReferences": [owned_by(owner)], **_marks(action, owner)},
        "spec": _job_spec(action, owner, settings),
    }


def schedule_fact(found: Object | None) -> ScheduleFact | None:
    """Read the schedule back; None where there is none."""
    if found is None:
        return None
    spec = found["spec"]
    asked = json.loads(found["metadata"].get("annotations", {}).get(ASK, "{}"))
    return ScheduleFact(
        schedule=spec["schedule"],
        time_zone=spec.get("timeZone", ""),
        suspended=spec.get("suspend", False),
        parent=str(asked.get("parent", "")),
    )


def run_fact(job: Object, message: str) -> RetrainingJob:
    """Read what a run came to; `message` is what its last pod said at its end."""
    running = RetrainingJob(
        name=job["metadata"]["name"],
        state=JobState.RUNNING,
        started=datetime.fromisoformat(job["metadata"]["creationTimestamp"]),
    )
    end = ending(job)
    if end is None:
        return running
    answer = answer_of(message)
    if end != "Complete" or answer is None:
        return replace(running, state=JobState.FAILED, message=why(job, message))
    try:
        found = answer.get("candidate")
        candidate = None if found is None else codec(Candidate).load(found)
    except ValidationError:
        return replace(running, state=JobState.FAILED, message=why(job, message))
    return replace(running, state=JobState.SUCCEEDED, candidate=candidate, message=str(answer.get("message", "")))


def _marks(asked: StartRetraining, owner: Meta) -> Object:
    return {
        "labels": {MODEL: owner.name, PURPOSE: RETRAIN},
        "annotations": {ASK: json.dumps(to_dict(asked))},
    }


def _job_spec(asked: StartRetraining, owner: Meta, settings: Settings) -> Object:
    return {
        "backoffLimit": _TRIES,
        "activeDeadlineSeconds": _DEADLINE_SECONDS,
        "template": pod_template(asked, settings, Key(owner.namespace, owner.name), purpose=RETRAIN),
    }
