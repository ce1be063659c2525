"""Bringing an earlier version back into production: after a failed bake, an abort, a deletion, or by a pin. Pure.

It is decided in one round and written down; the rounds after it carry it out: the version is served, then gets all
traffic, then the alias, and when all three are read back the Model names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller import clock, slots
from controller.actions import MoveAlias
from controller.production import restorable
from controller.resource.model_status import Restoration
from controller.resource.reasons import Reason
from controller.resource.version import Intent
from controller.stages import Stage

if TYPE_CHECKING:
    from controller.resource.version_status import VersionStatus
    from controller.situation import Case, Situation


def restore(situation: Situation) -> Situation:
    """Carry out the restoration that was written down, unless its aim is gone or a pin names another."""
    restoring = situation.model.restoring
    if restoring is None:
        return situation
    if _overtaken(situation, restoring):
        return situation.with_model(restoring=None)
    situation = _saying_so(situation, restoring)
    if situation.observation.traffic != {restoring.to: 100}:
        deadline = clock.later(restoring.since, _patience(situation, restoring.to))
        return situation.waking(deadline) if deadline > situation.now else situation
    registry = situation.observation.registry
    if registry is None or registry.champion != restoring.to:
        return situation.acting(MoveAlias(version=restoring.to))
    previous = restoring.instead_of if restoring.reason is Reason.PINNED else None
    return slots.change_production(situation, restoring.to, restoring.reason, restoring.message, previous)


def choose_restoration(situation: Situation) -> Situation:
    """Write down that production must change to an earlier version, by ordered questions: the pin outranks all."""
    production = situation.model.production
    if situation.model.restoring is not None:
        return situation
    if situation.pin is not None and situation.pin != production and _was_in_production(situation, situation.pin):
        return _restoring(situation, situation.pin, Reason.PINNED, f"the Model is pinned to {situation.pin}")
    if production is None:
        return situation
    if production in situation.versions:
        return _replaced_if_asked(situation, production)
    previous = predecessor(situation)
    told = "the object of the version in production is gone"
    return _restoring(situation, previous, Reason.PRODUCTION_MISSING, told) if previous else situation


def _replaced_if_asked(situation: Situation, production: str) -> Situation:
    case = situation.case(production)
    asked = _asked_to_leave(case)
    if asked is None:
        return situation.with_status(production, _no_longer_asked(case))
    reason, message = asked
    previous = predecessor(situation)
    if previous is None or situation.pin not in (None, previous):
        held = case.having(outcome=None).hold(Reason.SUCCESSOR_NEEDED, f"{message}; nothing may take its place")
        return situation.taking(production, held)
    return _restoring(situation, previous, reason, message)


def blocked(situation: Situation) -> str | None:
    """Why a restoration does not get on, once it has taken longer than a version may take to become ready."""
    restoring = situation.model.restoring
    if restoring is None or situation.ready(restoring.to):
        return None
    if restoring.to not in situation.versions:
        return f"the object of {restoring.to} is gone"
    case = situation.case(restoring.to)
    if case.refused is not None:
        return f"{restoring.to}: {case.refused}"
    limit = _patience(situation, restoring.to)
    if clock.elapsed(restoring.since, situation.now) < limit:
        return None
    return f"{restoring.to} is not ready after {limit} s"


def predecessor(situation: Situation) -> str | None:
    """The version that takes the place of production when that leaves; None where there is none to restore."""
    number = situation.model.previous
    if number is None or number not in situation.versions or not restorable(situation.case(number)):
        return None
    return number


def _asked_to_leave(case: Case) -> tuple[Reason, str] | None:
    if case.status.outcome is not None:
        return case.status.outcome.reason, case.status.outcome.message
    if case.version.meta.deleting:
        return Reason.DELETED, "its object is being deleted"
    match case.version.spec.intent:
        case Intent.ABORT:
            return Reason.ABORTED, "its intent is Abort"
        case Intent.RETIRE:
            return Reason.RETIRED, "its intent is Retire"
        case _:
            return None


def _no_longer_asked(case: Case) -> VersionStatus:
    held = case.status.held
    if held is None or held.reason is not Reason.SUCCESSOR_NEEDED:
        return case.status
    return case.having(held=None).status


def _was_in_production(situation: Situation, number: str) -> bool:
    """A pin to such a version brings it back; one to a candidate only keeps the others waiting."""
    known = number in situation.versions and situation.statuses[number].stage is Stage.ARCHIVED
    return known and restorable(situation.case(number))


def _restoring(situation: Situation, to: str, reason: Reason, message: str) -> Situation:
    restoration = Restoration(
        to=to, instead_of=situation.model.production, reason=reason, message=message, since=situation.now
    )
    return situation.with_model(restoring=restoration)


def _overtaken(situation: Situation, restoring: Restoration) -> bool:
    pinned_elsewhere = situation.pin not in (None, restoring.to)
    unpinned = restoring.reason is Reason.PINNED and situation.pin is None
    gone = restoring.to not in situation.versions or not restorable(situation.case(restoring.to))
    return pinned_elsewhere or unpinned or gone


def _saying_so(situation: Situation, restoring: Restoration) -> Situation:
    leaving = restoring.instead_of
    if leaving is None or leaving not in situation.versions:
        return situation
    move = situation.case(leaving).wait(Reason.ROLLING_BACK, f"{restoring.to} takes its place: {restoring.message}")
    return situation.taking(leaving, move)


def _patience(situation: Situation, number: str) -> int:
    return situation.case(number).policy.rollout.ready_deadline_seconds
