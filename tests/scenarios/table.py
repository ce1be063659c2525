"""Every scenario of a version's life, in one table; each shell runs all that it `can`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scenarios.approvals import APPROVALS
from tests.scenarios.going_out import GOING_OUT
from tests.scenarios.levers import LEVERS
from tests.scenarios.mishaps import MISHAPS

if TYPE_CHECKING:
    from tests.scenarios.steps import Scenario
    from tests.scenarios.world import World

SCENARIOS: tuple[Scenario, ...] = (*GOING_OUT, *APPROVALS, *LEVERS, *MISHAPS)


def possible(can: frozenset[str]) -> tuple[Scenario, ...]:
    """The scenarios for a world that can do these things.

    `jump`: its clock can be set. `restarts`: a version's serving can be away for a while, as a pod can, and a slot of
    the serving process cannot. `forging`: an approval can be made in another's name, which admission forbids in a cluster.
    """
    return tuple(scenario for scenario in SCENARIOS if scenario.needs <= can)


def play(scenario: Scenario, world: World) -> None:
    """Tell the story to a world; raises AssertionError at the first step that does not come true."""
    for step in scenario.steps:
        step(world)
