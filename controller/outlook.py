"""What a version waits for, and until when, from the stored statuses alone. Pure.

A shell does not store when it will look again. These are the instants at which the core asked to be woken, told with
what happens then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller import analysis, clock
from controller.production import LOST_SECONDS
from controller.resource.policy import Policy
from controller.resource.reasons import Reason
from controller.resource.version import Intent
from controller.retries import limit_of
from controller.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from controller.resource.model import Model
    from controller.resource.policy import Analysis
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import Bake, Canary, Checks, VersionStatus

CONSENT_MISSING = frozenset(
    {
        Reason.AWAITING_APPROVAL,
        Reason.APPROVAL_FORGED,
        Reason.APPROVAL_BY_AUTHOR,
        Reason.APPROVAL_OF_OTHER_DIGEST,
        Reason.APPROVAL_OF_OTHER_RESULTS,
        Reason.APPROVAL_EXPIRED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What happens at an instant, unless something else happens first."""

    what: str
    at: datetime


def outlook(version: ModelVersion, model: Model) -> tuple[Due, ...]:
    """The instants that a version waits for, the soonest first; none where only an event or a person moves it."""
    status = version.status
    if status is None:
        return ()
    kept_back = version.spec.intent is Intent.HOLD or model.spec.paused
    found = [*_restoration(version, model)]
    if status.outcome is None:
        found += _by_stage(status, model, kept_back=kept_back)
    return tuple(sorted(found, key=lambda due: due.at))


def _by_stage(status: VersionStatus, model: Model, *, kept_back: bool) -> Iterator[Due]:
    match status.stage:
        case Stage.TRAINING | Stage.VALIDATION if status.held is None:
            yield from _evidence(status)
        case Stage.STAGING if status.canary is not None:
            yield from _canary(status, status.canary, kept_back=kept_back)
        case Stage.STAGING:
            yield from _consent(status)
        case Stage.PRODUCTION:
            restoring = model.status is not None and model.status.restoring is not None
            if status.bake is not None and status.bake.ended_at is None and not restoring:
                yield from _bake(status, status.bake)
            yield from _retraining(model)


def _restoration(version: ModelVersion, model: Model) -> Iterator[Due]:
    restoring = model.status.restoring if model.status is not None else None
    if restoring is not None and restoring.to == version.spec.version and version.status is not None:
        limit = _policy(version.status).rollout.ready_deadline_seconds
        yield Due(what="said to be blocked unless it is back", at=clock.later(restoring.since, limit))


def _evidence(status: VersionStatus) -> Iterator[Due]:
    retries, attempt = status.retries, status.attempt
    if retries is not None and attempt is not None and retries.attempt == attempt.number:
        yield Due(what="next attempt", at=retries.next_at)
        return
    limit = _policy(status).evaluation.deadline_seconds
    if status.reason is Reason.EVALUATING and attempt is not None:
        yield Due(what="the evaluation counts as an Error unless it is done", at=clock.later(attempt.started, limit))
    if status.reason is Reason.REPLAYING and (status.evaluation or attempt):
        asked = status.evaluation.at if status.evaluation else attempt.started  # type: ignore[union-attr] # one of both
        yield Due(what="the replay counts as an Error unless it is done", at=clock.later(asked, limit))


def _consent(status: VersionStatus) -> Iterator[Due]:
    policy, given = _policy(status).approval, status.approval
    if status.reason in CONSENT_MISSING:
        yield Due(what="archived unless somebody approves", at=clock.later(status.since, policy.deadline_seconds))
    elif given is not None and given.by is not None:
        yield Due(what="the approval expires", at=clock.later(given.at, policy.expiry_seconds))


def _canary(status: VersionStatus, canary: Canary, *, kept_back: bool) -> Iterator[Due]:
    rollout = _policy(status).rollout
    if canary.applied_at is None:
        if canary.waiting_since is not None and status.held is None:
            yield _readiness(status, canary.waiting_since)
        return
    yield from _checks(canary.checks, rollout.analysis, canary.applied_at, held=status.held is not None)
    if canary.step < canary.steps and not kept_back and status.held is None:
        pause = rollout.steps[canary.step].pause_seconds
        wanted = analysis.checks_wanted(rollout.analysis, pause) - canary.checks.passed_in_step
        end = _end(canary.applied_at, pause, canary.checks, wanted, rollout.analysis)
        following = "promotion" if canary.step + 1 == canary.steps else f"step {canary.step + 2} of {canary.steps}"
        yield Due(what=f"{following}, if every check passes", at=end)


def _readiness(status: VersionStatus, since: datetime) -> Due:
    rollout = _policy(status).rollout
    if status.reason is Reason.STARTING:
        return Due(what="archived unless it is ready", at=clock.later(since, rollout.ready_deadline_seconds))
    return Due(what="held unless the split is applied", at=clock.later(since, rollout.apply_deadline_seconds))


def _bake(status: VersionStatus, bake: Bake) -> Iterator[Due]:
    policy = _policy(status)
    rules, seconds = policy.rollout.analysis, policy.rollback.bake_seconds
    if bake.lost_at is not None:
        due = clock.later(bake.lost_at, LOST_SECONDS)
        yield Due(what="the version before takes its place unless somebody is answered", at=due)
        return
    yield from _checks(bake.checks, rules, bake.started_at, held=status.held is not None)
    if status.held is None:
        wanted = analysis.checks_wanted(rules, seconds) - bake.checks.passed
        end = _end(bake.started_at, seconds, bake.checks, wanted, rules)
        yield Due(what="end of the bake, if every check passes", at=end)


def _retraining(model: Model) -> Iterator[Due]:
    due = model.status.retraining.next_run if model.status is not None else None
    if due is not None and not model.spec.paused:
        yield Due(what="retraining", at=due)


def _checks(checks: Checks, rules: Analysis, since: datetime, *, held: bool) -> Iterator[Due]:
    if not rules.gates:
        return
    if checks.asked_at is not None:
        limit = analysis.UNANSWERED * rules.interval_seconds
        yield Due(
            what=f"check {checks.done + 1} counts as an Error unless it is answered",
            at=clock.later(checks.asked_at, limit),
        )
    else:
        yield Due(what=f"check {checks.done + 1}", at=_next_check(checks, rules, since))
    if checks.last is not None and not checks.last.settled and checks.unsettled_since is not None and not held:
        limit = limit_of(rules.patience, checks.last).deadline_seconds
        yield Due(what=f"patience with {checks.last} ends", at=clock.later(checks.unsettled_since, limit))


def _end(since: datetime, seconds: int, checks: Checks, wanted: int, rules: Analysis) -> datetime:
    """When a phase is over at the earliest: its time has passed, and the checks that are still wanted were made."""
    end = clock.later(since, seconds)
    if wanted <= 0 or not rules.gates:
        return end
    return max(end, clock.later(_next_check(checks, rules, since), (wanted - 1) * rules.interval_seconds))


def _next_check(checks: Checks, rules: Analysis, since: datetime) -> datetime:
    return clock.later(max(since, checks.last_at) if checks.last_at else since, rules.interval_seconds)


def _policy(status: VersionStatus) -> Policy:
    return status.attempt.policy if status.attempt else Policy()
