"""Whatever is observed, however little it fits together: a decision comes out, it is lawful, and it comes to rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from controller.actions import SetTraffic
from controller.decide import Decision, decide
from controller.stages import Stage
from tests.toyworld.lives import begun, live
from tests.toyworld.toy_world import START

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.observation import Observation

Seen = tuple["datetime", "Observation"]


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    """Moments out of many lives."""
    moments: list[Seen] = []
    for seed in range(12):
        world = begun(Random(seed))  # noqa: S311 - lives, not secrets
        live(Random(seed), world)  # noqa: S311 - lives, not secrets
        moments += [(at, observation) for at, observation, _ in world.records]
    return moments


def one_version_is_gone(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    versions = [version for version in observation.versions if random.random() < 0.7]
    return replace(observation, versions=tuple(versions))


def a_status_is_lost(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    versions = [replace(version, status=None) if random.random() < 0.3 else version for version in observation.versions]
    return replace(observation, versions=tuple(versions))


def a_status_is_of_another_life(random: Random, observation: Observation, seen: list[Seen]) -> Observation:
    others = [version.status for version in random.choice(seen)[1].versions] or [None]
    versions = [
        replace(version, status=random.choice(others)) if random.random() < 0.4 else version
        for version in observation.versions
    ]
    return replace(observation, versions=tuple(versions))


def the_model_is_of_another_life(random: Random, observation: Observation, seen: list[Seen]) -> Observation:
    status = random.choice([None, random.choice(seen)[1].model.status])
    return replace(observation, model=replace(observation.model, status=status))


def a_slot_names_anything(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    status = observation.model.status
    if status is None:
        return observation
    slot = random.choice(["production", "canary", "previous"])
    number = random.choice([None, "7.7.7", *(version.spec.version for version in observation.versions)])
    return replace(observation, model=replace(observation.model, status=replace(status, **{slot: number})))


def the_router_says_anything(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    weights = random.choice([None, [], [100], [60, 40], [10, 20, 70], [50]])
    if weights is None:
        return replace(observation, traffic=None)
    numbers = ["7.7.7", *(version.spec.version for version in observation.versions)]
    random.shuffle(numbers)
    return replace(observation, traffic=dict(zip(numbers, weights, strict=False)))


def facts_are_missing(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    return replace(observation, facts=tuple(fact for fact in observation.facts if random.random() < 0.6), registry=None)


def something_is_being_deleted(random: Random, observation: Observation, _: list[Seen]) -> Observation:
    versions = [
        replace(version, meta=replace(version.meta, deleted_at=START)) if random.random() < 0.3 else version
        for version in observation.versions
    ]
    return replace(observation, versions=tuple(versions))


def the_model_is_being_deleted(_: Random, observation: Observation, __: list[Seen]) -> Observation:
    return replace(
        observation, model=replace(observation.model, meta=replace(observation.model.meta, deleted_at=START))
    )


MUTATIONS = (
    one_version_is_gone,
    a_status_is_lost,
    a_status_is_of_another_life,
    the_model_is_of_another_life,
    a_slot_names_anything,
    the_router_says_anything,
    facts_are_missing,
    something_is_being_deleted,
    the_model_is_being_deleted,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_any_observation_is_decided_lawfully(seen: list[Seen], mutation: Callable[..., Observation]):
    random = Random(7)  # noqa: S311 - lives, not secrets
    for _ in range(250):
        at, observation = random.choice(seen)
        observation = mutation(random, observation, seen)
        if random.random() < 0.5:
            observation = random.choice(MUTATIONS[:-1])(random, observation, seen)
        now = at + timedelta(seconds=random.choice([0, 0, 1, -5_000, 100_000]))

        decision = decide(observation, now)

        assert decision.wake_at is None or decision.wake_at > now
        assert sum(status.stage is Stage.PRODUCTION for status in decision.statuses.values()) <= 1
        assert all(sum(act.weights.values()) in (0, 100) for act in decision.actions if isinstance(act, SetTraffic))
        rests(observation, decision, now)


def rests(observation: Observation, decision: Decision, now: datetime) -> None:
    """With the world standing still, saving what was decided leads to a decision that saves nothing new."""
    for _ in range(12):
        observation = replace(
            observation,
            model=replace(observation.model, status=decision.model),
            versions=tuple(
                replace(version, status=decision.statuses[version.spec.version]) for version in observation.versions
            ),
        )
        after = decide(observation, now)
        if (after.model, after.statuses) == (decision.model, decision.statuses):
            return
        decision = after
    raise AssertionError(f"statuses never come to rest: {decision.model.reason}")
