"""Laws over random lives. Those of `tests/toyworld/laws.py` are asserted at every act and every save of every life."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controller.decide import decide
from controller.resource.reasons import Reason
from controller.stages import CANDIDATE_STAGES
from tests.toyworld.lives import begun, left_alone, live

if TYPE_CHECKING:
    from tests.toyworld.toy_world import ToyWorld

# What keeps a version waiting for ever in a healthy world: only a person can go on.
FOR_PEOPLE = {reason for reason in Reason if "Approval" in reason or "Approved" in reason} | {Reason.ON_HOLD}

# Each life is an hour of simulated trouble: shrinking one takes minutes and tells no more than its seed.
lives = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


@lives
@given(seed=st.integers(0, 2**32 - 1))
def test_every_life_obeys_the_laws_and_comes_to_rest_when_it_is_left_alone(seed: int):
    random = Random(seed)  # noqa: S311 - lives, not secrets
    world = begun(random)

    live(random, world)
    left_alone(world)

    nothing_is_left_to_do(world)
    production_answers_everybody(world)
    only_people_are_waited_for(world)


def nothing_is_left_to_do(world: ToyWorld) -> None:
    observation = world.observe()
    decision = decide(observation, world.now)
    assert not decision.changes(observation), decision.actions


def production_answers_everybody(world: ToyWorld) -> None:
    assert world.model.status is not None
    production, canary = world.model.status.production, world.model.status.canary
    if production is None or world.platform.behaviour(production).artifact == "swapped":
        return
    assert sum(world.weights().values()) == 100
    assert set(world.weights()) <= {production, canary}
    assert canary or world.alias() == production


def only_people_are_waited_for(world: ToyWorld) -> None:
    assert world.model.status is not None
    for number, version in world.versions.items():
        status = version.status
        assert status is not None
        assert not version.meta.deleting or number == world.model.status.production, world.explain(number)
        if status.stage in CANDIDATE_STAGES:
            behind_a_hold = status.reason is Reason.QUEUED and world.model.status.canary is not None
            assert status.held or status.reason in FOR_PEOPLE or behind_a_hold, world.explain(number)
