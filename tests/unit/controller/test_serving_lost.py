"""What is a version that answers nobody, and what only looks like one: in the bake, and in the canary."""

from __future__ import annotations

import pytest

from controller.production import LOST_SECONDS
from controller.resource.reasons import Reason
from tests.scenarios.steps import becomes, eventually, has_weight, in_production, model, push
from tests.toyworld.toy_world import ToyWorld

BAKE = 600


@pytest.fixture
def world():
    """1.1.0 is in its bake, 1.0.0 kept warm; a unit is a second."""
    world = ToyWorld(unit=1)
    world.platform.job_seconds, world.platform.start_seconds = 2, 2
    model(rollback={"bakeSeconds": BAKE})(world)
    in_production("1.0.0")(world)
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production", reason="Baking", within=60)(world)
    return world


def status(world, version="1.1.0"):
    return world.versions[version].status


def stop(world, version="1.1.0"):
    becomes(version, starts=False)(world)


def start(world, version="1.1.0"):
    becomes(version)(world)


def test_pods_that_nobody_has_asked_yet_are_no_loss(world):
    """So it is for a controller that has just taken over: it knows the digest of no version, or only of some."""
    world.platform.unasked = {"1.1.0"}
    world.advance(10 * LOST_SECONDS)
    world.platform.unasked = set()
    world.advance(2)
    assert (status(world).stage, status(world).reason) == ("Production", Reason.BAKING)


def test_who_answers_nobody_for_long_is_replaced_by_the_version_before(world):
    stop(world)
    world.advance(LOST_SECONDS - 1)
    assert status(world).reason is Reason.BAKING
    assert "nobody is answered; the version before takes its place after 30 s" in status(world).message
    world.advance(10)
    assert (status(world).stage, status(world).reason) == ("Archived", Reason.ROLLED_BACK)
    assert "nobody was answered for 30 s" in status(world).message
    assert status(world, "1.0.0").stage == "Production"
    assert world.platform.traffic == {"1.0.0": 100}


def test_a_pod_that_starts_again_in_time_is_no_verdict(world):
    for _ in range(5):
        stop(world)
        world.advance(LOST_SECONDS - 5)
        start(world)
        world.advance(LOST_SECONDS - 5)
    assert status(world).reason is Reason.BAKING
    assert status(world).bake.lost_at is None


def test_nobody_is_sent_back_to_a_version_that_answers_no_better(world):
    stop(world)
    stop(world, "1.0.0")
    world.advance(10 * LOST_SECONDS)
    assert status(world).stage == "Production"


def test_after_its_bake_a_version_is_left_where_it_is(world):
    world.advance(BAKE + 60)
    assert status(world).reason is Reason.IN_PRODUCTION
    stop(world)
    world.advance(10 * LOST_SECONDS)
    assert status(world).stage == "Production"


@pytest.fixture
def canary():
    """1.1.0 answers a tenth of the users."""
    world = ToyWorld(unit=1)
    world.platform.job_seconds, world.platform.start_seconds = 2, 2
    model(rollout={"steps": [{"weight": 10, "pauseSeconds": 60}, {"weight": 50, "pauseSeconds": 60}]})(world)
    in_production("1.0.0")(world)
    push("1.1.0")(world)
    has_weight("1.1.0", 10, within=60)(world)
    return world


def test_a_canary_that_nobody_has_asked_yet_keeps_its_users_and_its_checks(canary):
    canary.advance(20)
    before = status(canary).canary
    canary.platform.unasked = {"1.1.0"}
    canary.advance(20)
    after = status(canary).canary
    assert canary.platform.traffic == {"1.0.0": 90, "1.1.0": 10}
    assert after.checks.passed_in_step > before.checks.passed_in_step
    assert after.applied_at == before.applied_at


def test_no_canary_gets_more_users_before_it_is_wholly_there(canary):
    canary.platform.unasked = {"1.1.0"}
    canary.advance(300)
    assert canary.platform.traffic == {"1.0.0": 90, "1.1.0": 10}
    canary.platform.unasked = set()
    canary.advance(2)
    assert canary.platform.traffic == {"1.0.0": 50, "1.1.0": 50}


def test_a_canary_that_answers_nobody_gives_its_users_back_at_once(canary):
    stop(canary)
    canary.advance(2)
    assert canary.platform.traffic == {"1.0.0": 100}
