"""The Model's slots: who is in production, who is being rolled out, who was there before. Pure.

The Model's status is written before those of its versions, and decides wherever they disagree: after a crash between
the two writes the versions follow. A promotion or a rollback is therefore one write, and two versions in production
cannot be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller import clock
from controller.resource.model_status import Change, Mistrust, ModelStatus
from controller.resource.reasons import Reason
from controller.resource.version_status import HISTORY, Bake, Checks, VersionStatus
from controller.situation import Situation
from controller.stages import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from controller.observation import Observation
    from controller.situation import Case

FAILED_IN_PRODUCTION = frozenset({Reason.BAKE_FAILED, Reason.SERVING_LOST, Reason.ABORTED})
_ARRIVALS = frozenset({Reason.PROMOTED, Reason.FIRST_VERSION})
_DEPARTURES = {
    Reason.PROMOTED: Reason.SUPERSEDED,
    Reason.BAKE_FAILED: Reason.ROLLED_BACK,
    Reason.SERVING_LOST: Reason.ROLLED_BACK,
    Reason.PINNED: Reason.PINNED_AWAY,
}


def begin(observation: Observation, now: datetime) -> Situation:
    """The situation before anything is decided: every version with a status, no clock ahead of the present."""
    model = clock.rewound_model(observation.model.status or ModelStatus(), now)
    situation = Situation(
        observation=observation,
        now=now,
        versions={version.spec.version: version for version in observation.versions},
        facts={facts.version: facts for facts in observation.facts},
        model=model,
        statuses={
            version.spec.version: clock.rewound(version.status, now) if version.status else VersionStatus(since=now)
            for version in observation.versions
        },
    )
    situation = replace(situation, statuses=_by_age(situation))
    for case in tuple(situation.cases(*Stage)):
        status = case.status if case.status.attempt else case.fresh_attempt().status
        weight = situation.weight(case.number) if observation.traffic is not None else status.weight
        generation = case.version.meta.generation
        if (status.weight, status.observed_generation) != (weight, generation):
            status = replace(status, weight=weight, observed_generation=generation)
        situation = situation.with_status(case.number, status)
    return situation


def follow(situation: Situation) -> Situation:
    """Bring the stages of all versions in line with the slots."""
    situation = _adopted(_bereft(situation))
    for case in tuple(situation.cases(*Stage)):
        in_production = case.number == situation.model.production
        if in_production and case.status.stage is not Stage.PRODUCTION:
            situation = situation.with_status(case.number, _arrived(case))
        elif not in_production and case.status.stage is Stage.PRODUCTION:
            situation = situation.with_status(case.number, _departed(case))
    return situation


def change_production(situation: Situation, to: str, reason: Reason, message: str, previous: str | None) -> Situation:
    """Put another version into production: one write to the Model's status, which the versions follow."""
    model = situation.model
    change = Change(at=situation.now, version=to, instead_of=model.production, reason=reason, message=message)
    holds = tuple(hold for hold in model.holds if hold.version != to)
    situation = situation.with_model(
        production=to,
        previous=previous,
        canary=None if model.canary == to else model.canary,
        restoring=None,
        holds=holds,
        changes=model.changes + 1,
        history=(*model.history, change)[-HISTORY:],
    )
    if reason in FAILED_IN_PRODUCTION and model.production is not None:
        situation = mistrusting(situation, model.production, reason)
    return follow(situation)


def mistrusting(situation: Situation, number: str, reason: Reason) -> Situation:
    """Remember that a version was rolled back: what descends from it will need a person."""
    others = tuple(hold for hold in situation.model.holds if hold.version != number)
    hold = Mistrust(version=number, reason=reason, since=situation.now)
    return situation.with_model(holds=(*others, hold)[-HISTORY:])


def _by_age(situation: Situation) -> dict[str, VersionStatus]:
    cases = sorted((situation.case(number) for number in situation.statuses), key=lambda case: case.age_order)
    return {case.number: case.status for case in cases}


def _bereft(situation: Situation) -> Situation:
    """Production of which neither object nor serving is left is no production any more."""
    number = situation.model.production
    if number is None or number in situation.versions or situation.observation.traffic is None:
        return situation
    facts = situation.facts.get(number)
    serves = facts is not None and facts.serving is not None
    return situation if serves or situation.weight(number) else situation.with_model(production=None)


def _adopted(situation: Situation) -> Situation:
    """A Model whose status was lost, while a version still says that it is in production: believe the busiest one."""
    claims = list(situation.cases(Stage.PRODUCTION))
    if situation.model.production is not None or not claims:
        return situation
    busiest = max(claims, key=lambda case: (case.status.weight, case.age_order))
    return situation.with_model(production=busiest.number)


def _arrived(case: Case) -> VersionStatus:
    change = _last_change(case)
    promoted = change is None or change.reason in _ARRIVALS
    reason = change.reason if change is not None and promoted else Reason.PROMOTED if promoted else Reason.RESTORED
    message = change.message if change is not None else f"the Model names {case.number}"
    seen = case.status.canary.checks.results if case.status.canary else ()
    watched = promoted and case.situation.model.previous is not None
    status = replace(
        case.status,
        promoted_at=case.status.promoted_at or case.now,
        bake=Bake(started_at=case.now, checks=Checks(results=seen)) if watched else None,
        canary=None,
        held=None,
        outcome=None,
        retries=None,
    )
    return status.moved(Stage.PRODUCTION, reason, message, case.now)


def _departed(case: Case) -> VersionStatus:
    change = _last_change(case)
    reason = _DEPARTURES.get(change.reason, change.reason) if change is not None else Reason.SUPERSEDED
    message = f"{case.situation.model.production} is in production"
    if change is not None and change.reason not in _ARRIVALS:
        message = f"{message}: {change.message}"
    status = replace(case.status, bake=_ended(case.status.bake, case.now), canary=None, held=None, outcome=None)
    return status.moved(Stage.ARCHIVED, reason, message, case.now)


def _ended(bake: Bake | None, now: datetime) -> Bake | None:
    return replace(bake, ended_at=now) if bake is not None and bake.ended_at is None else bake


def _last_change(case: Case) -> Change | None:
    """The latest change of production, if it concerns this version."""
    history = case.situation.model.history
    if history and case.number in (history[-1].version, history[-1].instead_of):
        return history[-1]
    return None
