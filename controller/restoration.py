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
    if situation.model.restoring is not None:
        return situation
    if situation.pin is not None:
        return _pinned(situation, situation.pin)
    production = situation.model.production
    if production is None:
        return situation
    if production not in situation.versions:
        return _restoring(situation, Reason.PRODUCTION_MISSING, "the object of the version in production is gone")
    case = situation.case(production)
    asked = _asked_to_leave(case)
    if asked is None:
        return situation
    reason, message = asked
    if _previous(situation) is None:
        held = case.having(outcome=None).hold(Reason.SUCCESSOR_NEEDED, f"{message}; nothing can take its place")
        return situation.taking(production, held)
    return _restoring(situation, reason, message)


def blocked(situation: Situation) -> str | None:
    """Why a restoration does not get on, once it has taken longer than a version may take to become ready."""
    restoring = situation.model.restoring
    if restoring is None or situation.ready(restoring.to):
        return None
    case = situation.case(restoring.to)
    if case.refused is not None:
        return f"{restoring.to}: {case.refused}"
    limit = _patience(situation, restoring.to)
    if clock.elapsed(restoring.since, situation.now) < limit:
        return None
    return f"{restoring.to} is not ready after {limit} s"


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


def _pinned(situation: Situation, pin: str) -> Situation:
    """A pin to a version that was in production brings it back; one to a candidate only keeps the others waiting."""
    if pin == situation.model.production or pin not in situation.versions or not restorable(situation.case(pin)):
        return situation
    if situation.case(pin).status.stage is not Stage.ARCHIVED:
        return situation
    restoration = Restoration(
        to=pin,
        instead_of=situation.model.production,
        reason=Reason.PINNED,
        message=f"the Model is pinned to {pin}",
        since=situation.now,
    )
    return situation.with_model(restoring=restoration)


def _restoring(situation: Situation, reason: Reason, message: str) -> Situation:
    previous = _previous(situation)
    if previous is None:
        return situation
    restoration = Restoration(
        to=previous,
        instead_of=situation.model.production,
        reason=reason,
        message=message,
        since=situation.now,
    )
    return situation.with_model(restoring=restoration)


def _previous(situation: Situation) -> str | None:
    number = situation.model.previous
    if number is None or number not in situation.versions or not restorable(situation.case(number)):
        return None
    return number


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
