"""The rollout of one version: ready, weight applied, watched, next step; then all traffic, and the alias last. Pure.

A step is left only when its weight was read back, its time is over, enough checks passed in it, and the latest passed
every gate. The step after the last is the promotion itself: weight 100, still watched until the alias has moved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import analysis, clock, slots
from controller.actions import MoveAlias
from controller.analysis import Watch
from controller.leaving import archive, must_make_way
from controller.resource.reasons import Reason
from controller.resource.version_status import Canary
from controller.retries import given_up
from controller.situation import Case, Move

if TYPE_CHECKING:
    from datetime import datetime

    from controller.resource.policy import Step
    from controller.situation import Situation

FULL = 100


def roll_out(situation: Situation) -> Situation:
    """Take the version that holds the slot one step on; promote it when there is nothing left to show."""
    number = situation.model.canary
    if number is None or number not in situation.versions:
        return situation
    case = situation.case(number)
    if case.status.outcome is not None or must_make_way(situation) is not None:
        return archive(situation, number)
    move = _stepped(begun(case))
    situation = situation.taking(number, move)
    return _promoted(situation, number) if move.done else archive(situation, number)


def begun(case: Case) -> Case:
    """The case at its first step, unless it is further; a first version has nobody to share users with and no steps."""
    if case.status.canary is not None:
        return case
    steps = len(steps_of(case))
    return case.having(canary=Canary(step=0, steps=steps, waiting_since=case.now))


def steps_of(case: Case) -> tuple[Step, ...]:
    """The steps of this rollout."""
    return case.policy.rollout.steps if case.situation.model.production is not None else ()


def share(case: Case) -> int:
    """The percentage of users that a version being rolled out should answer now; none while it answers nobody."""
    canary = case.status.canary
    if canary is None or case.status.outcome is not None or not case.keeps_users or must_make_way(case.situation):
        return 0
    return _weight(case, canary.step)


def _weight(case: Case, step: int) -> int:
    steps = steps_of(case)
    return steps[step].weight if step < len(steps) else FULL


def _stepped(case: Case) -> Move:
    """One step on, by ordered questions: may it serve, does it serve, is its weight applied, how does it do."""
    if case.refused is not None:
        return case.leave(Reason.ARTIFACT_CHANGED, case.refused)
    if not case.keeps_users:
        return _not_ready(case)
    canary = _canary(case)
    weight, observed = _weight(case, canary.step), case.situation.weight(case.number)
    if case.situation.observation.traffic is None or observed != weight:
        return _not_applied(case, weight, observed)
    if canary.applied_at is None:
        checks = analysis.fresh_evidence(canary.checks)
        case = case.having(canary=replace(canary, applied_at=case.now, waiting_since=None, checks=checks))
    return _watched(case)


def _not_ready(case: Case) -> Move:
    """Its users go back to production until it is ready again, but not for ever."""
    case, since = _waiting(case)
    limit = case.policy.rollout.ready_deadline_seconds
    deadline = clock.later(since, limit)
    serving = case.facts.serving
    told = serving.message if serving is not None and serving.message else "its serving is starting"
    if case.now >= deadline:
        return case.leave(Reason.SERVING_NOT_READY, f"not ready for {limit} s: {told}")
    return case.wait(Reason.STARTING, told, deadline)


def _not_applied(case: Case, weight: int, observed: int) -> Move:
    case, since = _waiting(case)
    limit = case.policy.rollout.apply_deadline_seconds
    deadline = clock.later(since, limit)
    seen = "cannot be read" if case.situation.observation.traffic is None else f"is {observed} %"
    if case.now >= deadline:
        return case.hold(Reason.TRAFFIC_NOT_APPLIED, f"weight {seen}, wanted {weight} % for {limit} s")
    return case.wait(Reason.APPLYING_WEIGHT, f"weight {seen}, wanted {weight} %", deadline)


def _waiting(case: Case) -> tuple[Case, datetime]:
    """The case waiting for the world, and since when; its step begins anew once the world has followed."""
    canary = _canary(case)
    since = canary.waiting_since or case.now
    checks = replace(canary.checks, passed_in_step=0, asked_at=None)
    return case.having(canary=replace(canary, applied_at=None, waiting_since=since, checks=checks)), since


def _watched(case: Case) -> Move:
    """Count, ask, and judge: failed ends it, unsettled holds it, passed takes it on."""
    canary, rules = _canary(case), case.policy.rollout.analysis
    look = analysis.look(_watch(case), canary.checks, case.facts.measurement, case.now)
    case = case.having(canary=replace(canary, checks=look.checks))
    failed = analysis.failure(look.checks, rules)
    if failed is not None:
        return case.leave(Reason.ANALYSIS_FAILED, failed)
    overspent = analysis.overspent(look.checks, rules)
    if overspent is not None:
        return case.leave(*overspent)
    impatient = analysis.out_of_patience(look.checks, rules)
    if impatient is not None:
        move = given_up(case, *impatient)
    elif _complete(case) and case.ready:
        move = _advanced(case.having(held=None))
    else:
        move = case.having(held=None).wait(Reason.ANALYSING, _progress(case), *_step_end(case))
    measuring = (look.measure,) if look.measure and move.status.outcome is None else ()
    wakes = (look.due,) if look.due else ()
    return replace(move, actions=(*move.actions, *measuring), wakes=(*move.wakes, *wakes))


def _complete(case: Case) -> bool:
    canary, rules, steps = _canary(case), case.policy.rollout.analysis, steps_of(case)
    passed = analysis.all_passed(canary.checks, rules)
    if canary.applied_at is None or canary.step >= len(steps):
        return canary.applied_at is not None and (passed or canary.step == 0)
    pause = steps[canary.step].pause_seconds
    enough = canary.checks.passed_in_step >= analysis.checks_wanted(rules, pause)
    return passed and enough and clock.elapsed(canary.applied_at, case.now) >= pause


def _advanced(case: Case) -> Move:
    """The next step, unless a person says wait; after the last one, the promotion."""
    canary = _canary(case)
    if case.kept_back is not None:
        reason, until = case.kept_back
        return case.wait(reason, f"stays at {_weight(case, canary.step)} % {until}")
    if canary.step >= len(steps_of(case)):
        return _handed_over(case)
    step = canary.step + 1
    checks = analysis.next_step(canary.checks)
    ahead = case.having(canary=Canary(step=step, steps=canary.steps, waiting_since=case.now, checks=checks))
    reason = Reason.PROMOTING if step == canary.steps else Reason.APPLYING_WEIGHT
    return ahead.wait(reason, f"step {canary.step + 1} of {canary.steps} passed; {analysis.told(checks)}")


def _handed_over(case: Case) -> Move:
    registry = case.situation.observation.registry
    if registry is not None and registry.champion == case.number:
        return Move(status=case.status, done=True)
    return case.act(Reason.PROMOTING, "all users are answered; the alias moves last", MoveAlias(version=case.number))


def _promoted(situation: Situation, number: str) -> Situation:
    before = situation.model.production
    canary = situation.statuses[number].canary
    told = analysis.told(canary.checks) if canary else ""
    if before is None:
        reason = Reason.FIRST_VERSION
        return slots.change_production(situation, number, reason, "nothing was in production before", previous=None)
    return slots.change_production(situation, number, Reason.PROMOTED, f"passed every step; {told}", previous=before)


def _watch(case: Case) -> Watch:
    canary = _canary(case)
    beside = case.situation.model.production if _weight(case, canary.step) < FULL else None
    return Watch(
        prefix=f"{case.version.name}-canary-{case.attempt}",
        version=case.number,
        baseline=beside,
        since=canary.applied_at or case.now,
        analysis=case.policy.rollout.analysis,
    )


def _progress(case: Case) -> str:
    canary, rules = _canary(case), case.policy.rollout.analysis
    pause = steps_of(case)[canary.step].pause_seconds if canary.step < canary.steps else 0
    checks = f"{canary.checks.passed_in_step} of {analysis.checks_wanted(rules, pause)} checks passed"
    where = f"step {canary.step + 1} of {canary.steps} at {_weight(case, canary.step)} %"
    return f"{where}: {checks}; {analysis.told(canary.checks)}"


def _step_end(case: Case) -> tuple[datetime, ...]:
    """When the step's pause ends, if it still lies ahead."""
    canary = _canary(case)
    if canary.applied_at is None or canary.step >= canary.steps:
        return ()
    end = clock.later(canary.applied_at, steps_of(case)[canary.step].pause_seconds)
    return (end,) if end > case.now else ()


def _canary(case: Case) -> Canary:
    assert case.status.canary is not None  # noqa: S101 - set by `begun`, before any other question
    return case.status.canary
