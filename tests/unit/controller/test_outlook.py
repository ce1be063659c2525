"""What a version waits for: held against the instants at which the core really asked to be woken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controller.outlook import outlook
from controller.resource.reasons import Reason
from tests.scenarios.steps import Units, eventually, has_weight, in_production, intent, model, patch, push, users
from tests.scenarios.table import SCENARIOS, play
from tests.toyworld.toy_world import ToyWorld

# A shell knows when a job was really started, the status only when it was asked for.
JOBS = (Reason.EVALUATING, Reason.REPLAYING)


class Foretold(ToyWorld):
    """At every rest the instant of the next wake-up is one that was foretold from the statuses."""

    def work(self):
        wake_at = super().work()
        versions = tuple(self.versions.values())
        told = {due.at for version in versions for due in outlook(version, self.model)}
        if wake_at is not None and not any(version.status.reason in JOBS for version in versions):
            assert wake_at in told, f"at {self.now} wakes at {wake_at}, told {sorted(told)}"
        return wake_at


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.sentence)
def test_every_wake_up_of_the_core_is_foretold(scenario):
    play(scenario, Foretold(through_json=False))


@pytest.fixture
def world():
    world = ToyWorld()
    model()(world)
    in_production("1.0.0")(world)
    return world


def told(world, number="1.1.0"):
    """What is ahead, with the seconds until then."""
    dues = outlook(world.versions[number], world.model)
    return {due.what: round((due.at - world.now) / timedelta(seconds=1)) for due in dues}


def test_the_next_step_comes_when_its_time_is_over_and_its_checks_are_made(world):
    push("1.1.0")(world)
    has_weight("1.1.0", 10)(world)
    foretold = world.now + timedelta(seconds=told(world)["step 2 of 2, if every check passes"])

    while world.versions["1.1.0"].status.canary.step == 0:
        world.advance(1)

    assert abs((world.now - foretold).total_seconds()) <= world.unit


def test_the_bake_ends_when_it_was_foretold(world):
    push("1.1.0")(world)
    eventually("1.1.0", stage="Production", reason="Baking")(world)
    foretold = world.now + timedelta(seconds=told(world)["end of the bake, if every check passes"])

    eventually("1.1.0", stage="Production", reason="InProduction")(world)

    assert abs((world.versions["1.1.0"].status.bake.ended_at - foretold).total_seconds()) <= world.unit


@pytest.mark.parametrize(
    ("doing", "ahead"),
    [
        ((push("1.1.0", spec={"approval": {"policy": "Manual"}}), eventually("1.1.0", stage="Staging")), {"archived unless somebody approves"}),
        ((push("1.1.0"), has_weight("1.1.0", 10), intent("1.1.0", "Hold")), {"check 1"}),
        ((push("1.1.0"), has_weight("1.1.0", 10), patch(paused=True)), {"check 1"}),
        ((push("1.1.0", quality=0.1), eventually("1.1.0", stage="Archived")), set()),
        ((patch(evaluation={"retry": {"backOffSeconds": Units(9)}}), push("1.1.0", evaluation="fails"), eventually("1.1.0", stage="Validation", reason="Retrying")), {"next attempt"}),
        ((push("1.1.0", starts=False), eventually("1.1.0", stage="Staging", reason="Starting")), {"archived unless it is ready"}),
        ((push("1.1.0"), has_weight("1.1.0", 10), users("away"), eventually("1.1.0", stage="Staging", reason="NoData")), {"check 17"}),
    ],
    ids=["an approval", "a person's hold", "a pause", "nothing", "another attempt", "its serving", "data"],
)  # fmt: skip
def test_a_version_waits_for(world, doing, ahead):
    for step in doing:
        step(world)
    assert set(told(world)) == ahead


def test_before_anybody_looked_nothing_is_known(world):
    push("1.1.0")(world)
    assert told(world) == {}
