"""The bake: a version that became production is watched on, with the version before it kept warm. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import analysis, clock
from controller.analysis import Watch
from controller.resource.policy import Rollbacks
from controller.resource.reasons import Reason
from controller.resource.version import Intent

if TYPE_CHECKING:
    from controller.resource.version_status import Bake
    from controller.situation import Case, Move, Situation

LOST_SECONDS = 30  # longer than a pod takes to be started again


def watch_production(situation: Situation) -> Situation:
    """Take the bake one step on. A failure ends the attempt; restoring what was there before is `restoration.py`'s."""
    number = situation.model.production
    if number is None or number not in situation.versions or situation.model.restoring is not None:
        return situation
    return situation.taking(number, _watched(situation.case(number)))


def baking(case: Case) -> bool:
    """Whether the version is still being watched."""
    return case.status.bake is not None and case.status.bake.ended_at is None


def restorable(case: Case) -> bool:
    """Whether a version may come back into production: it was there once, it still exists, nobody wants it gone."""
    wanted = case.version.spec.intent not in (Intent.ABORT, Intent.RETIRE)
    return case.status.promoted_at is not None and case.digest is not None and wanted and not case.version.meta.deleting


def _watched(case: Case) -> Move:
    bake = case.status.bake
    if bake is None or bake.ended_at is not None:
        return _settled(case)
    if case.status.outcome is not None:
        return case.wait(case.status.outcome.reason, case.status.outcome.message)
    if _lost(case):
        return _while_lost(case, replace(bake, lost_at=bake.lost_at or case.now))
    return _judged(case, replace(bake, lost_at=None))


def _judged(case: Case, bake: Bake) -> Move:
    """Take the checks of the bake one step on."""
    rules = case.policy.rollout.analysis
    look = analysis.look(_watch(case, bake), bake.checks, case.facts.measurement, case.now)
    bake = replace(bake, checks=look.checks)
    case = case.having(bake=bake)
    failed = analysis.failure(look.checks, rules)
    if failed is not None:
        return _failed(case, Reason.BAKE_FAILED, failed, bake)
    if _done(case, bake):
        over = case.having(bake=replace(bake, ended_at=case.now), held=None)
        return over.wait(Reason.IN_PRODUCTION, f"baked for {case.policy.rollback.bake_seconds} s")
    move = _still_baking(case, bake)
    measuring = (look.measure,) if look.measure else ()
    return replace(move, actions=measuring, wakes=(*move.wakes, *((look.due,) if look.due else ())))


def _while_lost(case: Case, bake: Bake) -> Move:
    """A pod that starts again needs some seconds, which is no verdict on its version."""
    since = bake.lost_at or case.now
    if clock.elapsed(since, case.now) >= LOST_SECONDS:
        told = case.facts.serving.message if case.facts.serving else "its serving is gone"
        return _failed(case, Reason.SERVING_LOST, f"nobody was answered for {LOST_SECONDS} s; {told}", bake)
    message = f"nobody is answered; the version before takes its place after {LOST_SECONDS} s"
    return case.having(bake=bake, held=None).wait(Reason.BAKING, message, clock.later(since, LOST_SECONDS))


def _still_baking(case: Case, bake: Bake) -> Move:
    """Unsettled evidence holds a bake and never ends it, whatever the policy says of a canary: users are answered."""
    impatient = analysis.out_of_patience(bake.checks, case.policy.rollout.analysis)
    if impatient is not None:
        _, reason, message = impatient
        return case.hold(reason, message)
    wanted = analysis.checks_wanted(case.policy.rollout.analysis, case.policy.rollback.bake_seconds)
    message = f"{bake.checks.passed} of {wanted} checks passed; {analysis.told(bake.checks)}"
    end = clock.later(bake.started_at, case.policy.rollback.bake_seconds)
    return case.having(held=None).wait(Reason.BAKING, message, *((end,) if end > case.now else ()))


def _done(case: Case, bake: Bake) -> bool:
    rules, seconds = case.policy.rollout.analysis, case.policy.rollback.bake_seconds
    if seconds == 0:
        return True
    over = clock.elapsed(bake.started_at, case.now) >= seconds
    enough = bake.checks.passed >= analysis.checks_wanted(rules, seconds)
    return over and enough and analysis.all_passed(bake.checks, rules)


def _failed(case: Case, reason: Reason, message: str, bake: Bake) -> Move:
    """Leave production if something can take its place and nobody wants otherwise; else say so and serve on."""
    ended = case.having(bake=replace(bake, ended_at=case.now))
    if not _previous_restorable(case):
        return ended.hold(Reason.NOTHING_TO_ROLL_BACK_TO, message)
    if case.situation.pin not in (None, case.situation.model.previous):
        return ended.hold(reason, f"the Model is pinned to {case.situation.pin}; {message}")
    if case.policy.rollback.policy is Rollbacks.MANUAL:
        return ended.hold(reason, f"rollback.policy is Manual; {message}")
    return case.leave(reason, message)


def _settled(case: Case) -> Move:
    held = case.status.held
    if held is not None:
        return case.hold(held.reason, held.message)
    return case.wait(Reason.IN_PRODUCTION, case.status.message if case.status.reason is Reason.IN_PRODUCTION else "")


def _watch(case: Case, bake: Bake) -> Watch:
    return Watch(
        prefix=f"{case.version.name}-bake-{case.status.transitions}",
        version=case.number,
        baseline=None,
        since=bake.started_at,
        analysis=case.policy.rollout.analysis,
    )


def _previous(case: Case) -> Case | None:
    number = case.situation.model.previous
    return case.situation.case(number) if number is not None and number in case.situation.versions else None


def _previous_restorable(case: Case) -> bool:
    previous = _previous(case)
    return previous is not None and restorable(previous)


def _lost(case: Case) -> bool:
    """Users are sent to a version that answers none of them, while the one before it would."""
    previous = _previous(case)
    sent_in_vain = case.situation.weight(case.number) > 0 and not case.answers
    return sent_in_vain and previous is not None and restorable(previous) and previous.ready
