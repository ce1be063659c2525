"""What is served and who answers: the servings and the split that the slots call for. Pure.

It acts on what was written down in an earlier round. A verdict of this round is saved first and acted upon in the next,
so that a process killed in between never sends users back and forth.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from controller.actions import EnsureServing, MoveAlias, SetTraffic, StopServing
from controller.canary import FULL, share
from controller.leaving import must_make_way
from controller.production import baking, restorable
from controller.resource.codec import codec, digest
from controller.resource.meta import version_name
from controller.resource.model import Serving

if TYPE_CHECKING:
    from controller.actions import Action
    from controller.situation import Situation


def serve(situation: Situation) -> Situation:
    """Start and stop what the slots call for. Nothing that users are sent to is ever stopped."""
    spec = situation.observation.model.spec.serving
    revision = _revision(spec)
    wanted = _served(situation)
    actions: list[Action] = []
    for number in wanted:
        case = situation.case(number)
        serving = case.facts.serving
        if case.digest is None or (serving is not None and serving.revision == revision):
            continue
        actions.append(
            EnsureServing(name=case.version.name, version=number, digest=case.digest, serving=spec, revision=revision)
        )
    return situation.acting(*actions, *_superfluous(situation, wanted))


def route(situation: Situation) -> Situation:
    """Bring the split to what the slots call for; a version that answers nobody yet must be ready first."""
    observed = situation.observation.traffic
    wanted = split(situation)
    if observed is None or observed == wanted:
        return situation
    unready = [number for number in wanted if number not in observed and not situation.ready(number)]
    return situation if unready else situation.acting(SetTraffic(weights=wanted))


def name_champion(situation: Situation) -> Situation:
    """Bring the alias back to production, when a handover was broken off or somebody else moved it."""
    registry, production = situation.observation.registry, situation.model.production
    if registry is None or production is None or registry.champion == production or _handing_over(situation):
        return situation
    return situation.acting(MoveAlias(version=production))


def split(situation: Situation) -> dict[str, int]:
    """The percentages that the slots call for; they sum to 100, or there are none."""
    model = situation.model
    if model.restoring is not None and situation.ready(model.restoring.to):
        return {model.restoring.to: FULL}
    number, weight = model.canary, 0
    if number is not None and number in situation.versions:
        weight = share(situation.case(number))
    if model.production is None:
        return _first(situation, number, weight)
    if number is None or weight == 0:
        return {model.production: FULL}
    return {number: FULL} if weight == FULL else {model.production: FULL - weight, number: weight}


@lru_cache(maxsize=64)  # the same block in every round
def _revision(serving: Serving) -> str:
    return digest(codec(Serving).dump(serving))


def _first(situation: Situation, number: str | None, weight: int) -> dict[str, int]:
    """With nothing in production a candidate gets all or nothing, and keeps all through a moment of not being ready."""
    if number is None or situation.statuses[number].outcome is not None:
        return {}
    if weight == FULL or situation.weight(number) == FULL:
        return {number: FULL}
    return {}


def _handing_over(situation: Situation) -> bool:
    """Whether the alias may be ahead of the Model: it moves last, and the Model's status after it."""
    number = situation.model.canary
    if situation.model.restoring is not None:
        return True
    if number is None or number not in situation.versions or must_make_way(situation) is not None:
        return False
    status = situation.statuses[number]
    return status.outcome is None and status.canary is not None and status.canary.step >= status.canary.steps


def _served(situation: Situation) -> list[str]:
    """The versions that should be served, oldest first."""
    model = situation.model
    wanted = {model.production, model.canary, model.restoring.to if model.restoring else None, _warm(situation)}
    return [number for number in situation.statuses if number in wanted]


def _warm(situation: Situation) -> str | None:
    """The version before production, for as long as production may have to go back to it."""
    production, previous = situation.model.production, situation.model.previous
    if production not in situation.versions or previous not in situation.versions:
        return None
    case = situation.case(str(production))
    needed = (baking(case) or case.status.held is not None) and restorable(situation.case(str(previous)))
    return previous if needed else None


def _superfluous(situation: Situation, wanted: list[str]) -> list[Action]:
    traffic = situation.observation.traffic
    if traffic is None:
        return []
    keep = {*wanted, *traffic, situation.model.production}
    return [
        StopServing(name=version_name(situation.observation.model.name, facts.version), version=facts.version)
        for facts in situation.observation.facts
        if facts.serving is not None and facts.version not in keep
    ]
