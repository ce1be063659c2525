"""The process is killed once at every point of a promotion and of a rollback; it all ends as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from controller.actions import StartEvaluation, StartReplay
from tests.scenarios.steps import eventually, in_production, intent, model, push, wait
from tests.toyworld.toy_world import ToyWorld
from tests.toyworld.trouble import KilledAt

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.world import World


@dataclass(frozen=True)
class Story:
    sentence: str
    steps: tuple[Callable[[World], None], ...]


STORIES = (
    Story(
        "a promotion",
        (push("1.1.0", parent="1.0.0"), eventually("1.1.0", stage="Production", reason="InProduction"), wait(2)),
    ),
    Story(
        "a rollback out of the canary",
        (push("1.1.0", error_rate=0.5), eventually("1.1.0", stage="Archived"), wait(2)),
    ),
    Story(
        "a rollback out of the bake",
        (
            push("1.1.0", error_rate_in_production=0.5),
            eventually("1.1.0", stage="Archived", reason="RolledBack"),
            wait(2),
        ),
    ),
    Story(
        "an abort of production",
        (
            push("1.1.0"),
            eventually("1.1.0", stage="Production", reason="InProduction"),
            intent("1.1.0", "Abort"),
            eventually("1.1.0", stage="Archived", reason="Aborted"),
            wait(2),
        ),
    ),
)


@pytest.fixture(scope="module")
def start() -> ToyWorld:
    world = ToyWorld(through_json=False)
    model()(world)
    in_production("1.0.0")(world)
    world.records.clear()
    return world


def played(start: ToyWorld, story: Story, interfere: KilledAt) -> ToyWorld:
    world = start.fork()
    world.interfere = interfere
    for step in story.steps:
        step(world)
    return world


def ended(world: ToyWorld) -> dict[str, object]:
    """What must be the same in the end, and on the way: every split that users ever saw, in order."""
    splits = world.platform.splits
    assert world.model.status is not None
    return {
        "stages": {number: world.stage(number) for number in world.versions},
        "reasons": {number: world.reasons(number) for number in world.versions},
        "production": world.model.status.production,
        "alias": world.alias(),
        "served": sorted(world.platform.servings),
        "splits": [split for index, split in enumerate(splits) if index == 0 or split != splits[index - 1]],
        "jobs": sorted(world.platform.jobs),
        "notices": sorted(world.platform.notices),
        "holds": [hold.version for hold in world.model.status.holds],
    }


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.sentence)
def test_killed_at_any_point_it_ends_as_if_nothing_had_happened(start: ToyWorld, story: Story):
    undisturbed = KilledAt()
    expected = ended(played(start, story, undisturbed))

    for point, where in enumerate(undisturbed.points):
        disturbed = KilledAt(point)
        assert ended(played(start, story, disturbed)) == expected, f"killed {where} (point {point})"
        assert len(disturbed.points) > point


def test_no_job_is_started_twice_under_two_names(start: ToyWorld):
    world = played(start, STORIES[0], KilledAt())

    jobs = [action.name for action in world.platform.performed if isinstance(action, StartEvaluation | StartReplay)]

    assert sorted(jobs) == ["recipes-1-0-0-eval-1", "recipes-1-1-0-eval-1", "recipes-1-1-0-replay-1"]
