"""Staging before the rollout: consent, and whose turn it is. Pure.

One version is rolled out at a time. Of those that are ready the newest goes first: what was made later usually knows
more. An older one waits and loses nothing if the newer one fails; once a newer one is in production it is superseded
(`leaving.py`). What is held, in the canary or in the bake, gives way to a newer one that is ready.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import clock
from controller.approval import consent, expiry
from controller.canary import begun
from controller.production import baking
from controller.resource.reasons import Reason
from controller.resource.version import Intent
from controller.restoration import blocked
from controller.situation import Case, Move
from controller.stages import Stage
from controller.validation import baseline_changed

if TYPE_CHECKING:
    from controller.resource.version_status import Decided
    from controller.situation import Situation


def admit(situation: Situation) -> Situation:
    """Let the newest version that is ready begin its rollout, and tell the others what they wait for."""
    ready: list[Case] = []
    for case in tuple(situation.cases(Stage.STAGING)):
        if case.in_slot or case.status.outcome is not None:
            continue
        move = _waiting(case)
        situation = situation.taking(case.number, move)
        if move.done:
            ready.append(situation.case(case.number))
    return _next_in_turn(situation, ready)


def _next_in_turn(situation: Situation, ready: list[Case]) -> Situation:
    if ready:
        newest = max(ready, key=lambda case: case.age_order)
        situation = _giving_way(situation, newest)
        if _occupied(situation) is None and _written(newest):
            began = begun(newest).wait(Reason.STARTING, "its turn has come; its serving starts")
            situation = situation.with_model(canary=newest.number).taking(newest.number, began)
    queue = tuple(case.number for case in reversed(ready) if case.number != situation.model.canary)
    occupied = _occupied(situation)
    for number in queue if occupied else ():
        situation = situation.taking(number, situation.case(number).wait(Reason.QUEUED, str(occupied)))
    return situation if queue == situation.model.queue else situation.with_model(queue=queue)


def _written(case: Case) -> bool:
    """Whether its readiness was saved in an earlier round: a slot is never given on what a crash could still forget."""
    stored = case.version.status
    return stored is not None and stored.stage is Stage.STAGING and stored.approval == case.status.approval


def _giving_way(situation: Situation, newest: Case) -> Situation:
    """End a rollout that is held, unless a person holds it, when a newer version could go on instead.

    Not while production could not take its users back.
    """
    number, production = situation.model.canary, situation.model.production
    if number is None or number not in situation.versions or (production and not situation.ready(production)):
        return situation
    case = situation.case(number)
    held = case.status.held is not None and case.version.spec.intent is not Intent.HOLD
    if not held or case.status.outcome is not None or newest.age_order < case.age_order:
        return situation
    return situation.taking(number, case.leave(Reason.SUPERSEDED, f"was held and gives way to {newest.number}"))


def _occupied(situation: Situation) -> str | None:
    """What has to end before a rollout may begin."""
    model = situation.model
    if model.restoring is not None and blocked(situation) is None:
        return f"production is being restored to {model.restoring.to}"
    if model.canary is not None:
        return f"{model.canary} is being rolled out"
    if model.production is not None and model.production in situation.versions:
        production = situation.case(model.production)
        if baking(production) and production.status.held is None:
            return f"{model.production} is still baking"
    return None


def _waiting(case: Case) -> Move:
    """What a version in Staging waits for, by ordered questions; done where it waits for nothing but its turn."""
    if _occupied(case.situation) is None and baseline_changed(case):
        message = f"{case.situation.model.production} is in production now; it was not when this was judged"
        return case.fresh_attempt().go(Stage.VALIDATION, Reason.BASELINE_CHANGED, message)
    asked = consent(case)
    if asked.given is None:
        return _unapproved(case, asked.reason, asked.message)
    case = _recorded(case, asked.given)
    wakes = (expiry(case, asked.given),) if asked.given.by is not None else ()
    if case.kept_back is not None:
        reason, until = case.kept_back
        return case.wait(reason, f"its rollout does not begin {until}", *wakes)
    if case.situation.pin not in (None, case.number):
        return case.wait(Reason.PINNED, f"the Model is pinned to {case.situation.pin}", *wakes)
    if not case.situation.observation.splits_traffic and case.policy.rollout.steps and case.situation.model.production:
        message = f"{len(case.policy.rollout.steps)} canary steps are wanted, the traffic provider cannot split traffic"
        return case.hold(Reason.TRAFFIC_SPLIT_UNSUPPORTED, message)
    return Move(status=case.having(held=None).status if case.status.held else case.status, wakes=wakes, done=True)


def _unapproved(case: Case, reason: Reason, message: str) -> Move:
    limit = case.policy.approval.deadline_seconds
    deadline = clock.later(case.status.since, limit)
    case = case.having(approval=None) if case.status.approval else case
    if case.now >= deadline:
        return case.leave(Reason.APPROVAL_TIMED_OUT, f"nobody approved within {limit} s; {message}")
    return case.wait(reason, message, deadline)


def _recorded(case: Case, given: Decided) -> Case:
    """The case with the decision on record; one that the policy takes anew in each round keeps its first time."""
    before = case.status.approval
    if before is not None and replace(before, at=given.at) == given and (given.by is None or before.at == given.at):
        return case
    return case.having(approval=given)
