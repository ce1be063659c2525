"""How a candidate's attempt is ended from outside, and how it leaves: out of traffic first, archived then. Pure.

Production is another matter: it leaves only when something takes its place (`restoration.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller import slots
from controller.approval import rejection
from controller.resource.reasons import Reason
from controller.resource.version import Intent
from controller.restoration import blocked
from controller.stages import CANDIDATE_STAGES, Stage

if TYPE_CHECKING:
    from controller.situation import Case, Move, Situation

Ending = tuple[Reason, str]


def leave(situation: Situation) -> Situation:
    """End the attempts that people or newer versions end, and archive what no user is answered by any more."""
    for case in tuple(situation.cases(*CANDIDATE_STAGES)):
        situation = situation.taking(case.number, _asked_to_leave(case))
        situation = archive(situation, case.number)
    return _making_way(situation)


def archive(situation: Situation, number: str) -> Situation:
    """Archive a version whose attempt has ended, once it is read back that it answers nobody; free its slot."""
    case = situation.case(number)
    outcome = case.status.outcome
    if outcome is None or case.status.stage not in CANDIDATE_STAGES:
        return situation
    if situation.observation.traffic is None or situation.weight(number) > 0:
        return situation
    if case.in_slot:
        situation = situation.with_model(canary=None)
    if outcome.reason is Reason.ANALYSIS_FAILED:
        situation = slots.mistrusting(situation, number, outcome.reason)
    gone = case.having(outcome=None).go(Stage.ARCHIVED, outcome.reason, outcome.message)
    return situation.taking(number, gone)


def _asked_to_leave(case: Case) -> Move:
    if case.status.outcome is None:
        for question in _QUESTIONS:
            ending = question(case)
            if ending is not None:
                return case.leave(*ending)
    return _unchanged(case)


def _is_deleted(case: Case) -> Ending | None:
    return (Reason.DELETED, "its object is being deleted") if case.version.meta.deleting else None


def _is_aborted(case: Case) -> Ending | None:
    return (Reason.ABORTED, "its intent is Abort") if case.version.spec.intent is Intent.ABORT else None


def _is_retired(case: Case) -> Ending | None:
    return (Reason.RETIRED, "its intent is Retire") if case.version.spec.intent is Intent.RETIRE else None


def _is_rejected(case: Case) -> Ending | None:
    decided = rejection(case)
    if decided is None:
        return None
    why = f": {decided.reason}" if decided.reason else ""
    return Reason.REJECTED, f"rejected by {decided.by}{why}"


def _is_superseded(case: Case) -> Ending | None:
    """A version made later is in production. Who is being rolled out, held or pinned by a person stays."""
    production = case.situation.versions.get(case.situation.model.production or "")
    if production is None or case.in_slot or case.version.spec.intent is Intent.HOLD:
        return None
    newer = case.situation.case(production.spec.version)
    if case.situation.pin == case.number or newer.age_order < case.age_order:
        return None
    return Reason.SUPERSEDED, f"{newer.number}, which was made later, is in production"


_QUESTIONS = (_is_deleted, _is_aborted, _is_retired, _is_rejected, _is_superseded)


def must_make_way(situation: Situation) -> Ending | None:
    """Why no version may be rolled out now: production is being restored, or the Model is pinned to another version.

    A restoration that does not get on blocks nobody: a newer version may be the better way out.
    """
    if situation.model.restoring is not None and blocked(situation) is None:
        return Reason.ROLLBACK_IN_PROGRESS, f"production is being restored to {situation.model.restoring.to}"
    if situation.pin is not None and situation.pin != situation.model.canary:
        return Reason.PINNED, f"the Model is pinned to {situation.pin}"
    return None


def _making_way(situation: Situation) -> Situation:
    """Send a version back from its rollout to be judged again later, once no user is answered by it.

    So goes also one that lost its slot in a crash between two writes: its checks must not be counted twice.
    """
    number = situation.model.canary
    if number is not None and number not in situation.versions:
        situation = situation.with_model(canary=None)
    for case in tuple(situation.cases(Stage.STAGING)):
        why = must_make_way(situation) if case.in_slot else (Reason.QUEUED, "it lost its turn")
        unseen = situation.observation.traffic is not None and situation.weight(case.number) == 0
        if why is None or case.status.outcome is not None or case.status.canary is None or not unseen:
            continue
        if case.in_slot:
            situation = situation.with_model(canary=None)
        situation = situation.taking(case.number, case.fresh_attempt().go(Stage.VALIDATION, *why))
    return situation


def _unchanged(case: Case) -> Move:
    return case.wait(case.status.reason, case.status.message)
