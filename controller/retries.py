"""Evidence that is Inconclusive, NoData or Error: gathered again after a back-off, until patience ends. Pure.

Each try is an attempt of its own, under the policy of its day. At the deadline, or after the last of the attempts that
an Error gets, the version is held or archived, as the policy says; what is held starts anew when the policy is edited,
or when a person sets the intent to Hold and back to Promote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller import clock
from controller.resource.patience import Limit, Patience, Then
from controller.resource.reasons import Reason
from controller.resource.version import Intent
from controller.resource.version_status import Retries
from mlops.judgement import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from controller.situation import Case, Move

LONGEST_BACK_OFF = 3_600

REASONS = {Verdict.INCONCLUSIVE: Reason.INCONCLUSIVE, Verdict.NO_DATA: Reason.NO_DATA, Verdict.ERROR: Reason.ERROR}


def resumed(case: Case) -> Case | Move:
    """The case ready to gather evidence, in a fresh attempt where one is due; or the move that waits for it."""
    retries, attempt, held = case.status.retries, case.status.attempt, case.status.held
    if held is not None:
        edited = attempt is not None and case.current_policy() != attempt.policy
        if edited or case.version.spec.intent is Intent.HOLD:
            return case.having(retries=None).fresh_attempt()
        return case.hold(held.reason, held.message)
    if retries is None or attempt is None or retries.attempt != attempt.number:
        return case
    if case.now < retries.next_at:
        return case.wait(Reason.RETRYING, case.status.message, retries.next_at)
    return case.fresh_attempt()


def unsettled(case: Case, verdict: Verdict, message: str) -> Move:
    """Note that this attempt settled nothing: try again later, or stop trying."""
    evaluation = case.policy.evaluation
    limit = limit_of(evaluation.patience, verdict)
    before = case.status.retries
    since = before.since if before else case.now
    count = (before.count if before else 0) + 1
    errors = (before.errors if before else 0) + 1 if verdict is Verdict.ERROR else 0
    reason = REASONS[verdict]
    if errors >= evaluation.retry.attempts:
        return given_up(case, limit, reason, f"{message}; {errors} attempts of {evaluation.retry.attempts} ended so")
    deadline = clock.later(since, limit.deadline_seconds)
    if case.now >= deadline:
        return given_up(case, limit, reason, f"{message}; unsettled for {limit.deadline_seconds} s")
    wait = clock.back_off(evaluation.retry.back_off_seconds, LONGEST_BACK_OFF, count)
    next_at = min(clock.later(case.now, wait), deadline)
    noted = case.having(retries=Retries(attempt=case.attempt, count=count, errors=errors, since=since, next_at=next_at))
    return noted.wait(reason, f"{message}; tried again at {_shown(next_at)}", next_at)


def given_up(case: Case, limit: Limit, reason: Reason, message: str) -> Move:
    """Hold the version or end its attempt, as the policy says."""
    if limit.then is Then.ARCHIVE:
        return case.leave(reason, message)
    return case.hold(reason, message)


def limit_of(patience: Patience, verdict: Verdict) -> Limit:
    """The limit for an unsettled verdict."""
    match verdict:
        case Verdict.NO_DATA:
            return patience.no_data
        case Verdict.ERROR:
            return patience.error
        case _:
            return patience.inconclusive


def _shown(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
