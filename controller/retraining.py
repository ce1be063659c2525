"""Retraining: the schedule that production owns, runs that something else starts, and what comes of them. Pure.

The platform runs the schedule (a CronJob, or APScheduler); here it is only said what it should be. A run that ends with
a candidate becomes a ModelVersion, which then has to pass like any other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import clock
from controller.actions import CancelJob, CreateVersion, EnsureRetraining, Notify, RemoveRetraining, StartRetraining
from controller.observation import JobState, ScheduleFact
from controller.resource.conditions import bounded
from controller.resource.meta import version_name
from controller.resource.reasons import Reason
from controller.resource.version import Trigger
from controller.resource.version_status import HISTORY
from controller.schedule import next_run

if TYPE_CHECKING:
    from datetime import datetime

    from controller.observation import RetrainingJob
    from controller.resource.policy import Retraining
    from controller.situation import Situation


def retrain(situation: Situation) -> Situation:
    """Notice what runs came to, have the schedule as it should be, and start a run if something calls for it."""
    for job in situation.observation.retraining.jobs:
        situation = _noticed(situation, job)
    return _triggered(_scheduled(_one_at_a_time(situation)))


def policy_of(situation: Situation) -> Retraining | None:
    """The retraining that the version in production asks for, or its Model; none while nothing is in production."""
    production = situation.versions.get(situation.model.production or "")
    if production is None:
        return None
    return production.spec.retraining or situation.observation.model.spec.retraining


def schedule_name(model: str) -> str:
    """The name of the schedule."""
    return f"{model}-retraining"


def _one_at_a_time(situation: Situation) -> Situation:
    """End all runs but the first, such as one that somebody made from the CronJob by hand while it had one."""
    running = [job for job in situation.observation.retraining.jobs if job.state is JobState.RUNNING]
    running.sort(key=lambda job: (job.started, job.name))
    for job in running[1:]:
        told = f"{job.name} is ended, one at a time: {running[0].name} is under way"
        situation = situation.acting(
            CancelJob(name=job.name, version=str(situation.model.production)),
            _notice(f"{job.name}-second", Reason.RETRAINING_FAILED, told),
        )
    return situation


def _scheduled(situation: Situation) -> Situation:
    policy, model = policy_of(situation), situation.observation.model
    applied, status = situation.observation.retraining.applied, situation.model.retraining
    if policy is None or policy.schedule is None:
        if status.next_run is not None:
            situation = situation.with_model(retraining=replace(status, next_run=None))
        # Nothing is removed while production is only being changed: the schedule passes to the next one.
        gone = applied is not None and (policy is not None or situation.model.production is None)
        return situation.acting(RemoveRetraining(name=schedule_name(model.name))) if gone else situation
    wanted = ScheduleFact(
        schedule=policy.schedule,
        time_zone=policy.time_zone,
        suspended=model.spec.paused,
        parent=str(situation.model.production),
    )
    due = _next_run(policy, wanted, applied, situation)
    if due != status.next_run:
        situation = situation.with_model(retraining=replace(status, next_run=due))
    if due is not None:
        situation = situation.waking(due)
    if applied == wanted:
        return situation
    return situation.acting(
        EnsureRetraining(
            name=schedule_name(model.name),
            schedule=wanted.schedule,
            time_zone=wanted.time_zone,
            suspended=wanted.suspended,
            parent=wanted.parent,
        )
    )


def _next_run(
    policy: Retraining, wanted: ScheduleFact, applied: ScheduleFact | None, situation: Situation
) -> datetime | None:
    """When the schedule is due next; reckoned anew only when it was, or when the schedule changed."""
    known = situation.model.retraining.next_run
    if wanted.suspended or (applied == wanted and known is not None and known > situation.now):
        return None if wanted.suspended else known
    return next_run(wanted.schedule, policy.time_zone, situation.now)


def _triggered(situation: Situation) -> Situation:
    policy, facts, status = policy_of(situation), situation.observation.retraining, situation.model.retraining
    if policy is None or situation.observation.model.spec.paused:
        return situation
    call = _call(situation, policy)
    if call is None or any(job.state is JobState.RUNNING for job in facts.jobs):
        return situation
    if status.last_started is not None:
        next_at = clock.later(status.last_started, policy.min_interval_seconds)
        if situation.now < next_at:
            return situation.waking(next_at)
    name = f"{_run_prefix(situation.observation.model.name)}{status.runs + 1}"
    trigger, reason = call
    start = StartRetraining(name=name, parent=str(situation.model.production), trigger=trigger, reason=reason)
    return situation.acting(start, _notice(f"{name}-started", Reason.RETRAINING_STARTED, reason))


def _call(situation: Situation, policy: Retraining) -> tuple[Trigger, str] | None:
    """What calls for a run now, and in words."""
    facts, triggers = situation.observation.retraining, policy.triggers
    limit, lost = triggers.degradation, facts.degradation
    if limit is not None and lost is not None and lost.is_finite() and lost > limit:
        return Trigger.DEGRADATION, f"quality fell by {lost}, more than {limit}"
    return (Trigger.NEW_DATA, "there is new data") if triggers.new_data and facts.new_data else None


def _noticed(situation: Situation, job: RetrainingJob) -> Situation:
    """Count a run when it is first seen, and turn what it ended with into a version, once."""
    status = situation.model.retraining
    if job.name in status.handled:
        return situation
    runs = max(status.runs, _number(job.name, situation.observation.model.name))
    started = job.started if status.last_started is None else max(status.last_started, job.started)
    if (runs, started) != (status.runs, status.last_started):
        status = replace(status, runs=runs, last_started=started)
        situation = situation.with_model(retraining=status)
    if job.state is JobState.RUNNING:
        return situation
    candidate = job.candidate
    if candidate is not None and job.state is JobState.SUCCEEDED and candidate.version not in situation.versions:
        name = version_name(situation.observation.model.name, candidate.version)
        return situation.acting(
            CreateVersion(name=name, version=candidate.version, source=candidate.source, lineage=candidate.lineage)
        )
    handled = (*status.handled, job.name)[-HISTORY:]
    situation = situation.with_model(retraining=replace(status, handled=handled))
    if candidate is not None and job.state is JobState.SUCCEEDED:
        told = f"{job.name} ended with {candidate.version}"
        return situation.acting(_notice(f"{job.name}-registered", Reason.CANDIDATE_REGISTERED, told))
    told = job.message or f"{job.name} ended without a candidate"
    if job.state is JobState.SUCCEEDED:
        return situation.acting(_notice(f"{job.name}-ended", Reason.NOTHING_LEARNED, told))
    return situation.acting(_notice(f"{job.name}-failed", Reason.RETRAINING_FAILED, told))


def _notice(name: str, reason: Reason, message: str) -> Notify:
    warning = reason is Reason.RETRAINING_FAILED
    return Notify(name=name, version=None, reason=reason, message=bounded(message), warning=warning)


def _run_prefix(model: str) -> str:
    return f"{model}-retrain-"


def _number(job: str, model: str) -> int:
    """The number of a run that was started here; 0 for one of the schedule."""
    number = job.removeprefix(_run_prefix(model))
    return int(number) if number.isdecimal() and number != job else 0
