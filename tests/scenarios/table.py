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

    `jump`: its clock can be set. In a real cluster it cannot: the API server, the kubelet and Prometheus, which are Go,
    ask the kernel without a library that could answer otherwise, and the kernel's one clock is the whole machine's. There
    the four stories are told to the cluster's shell over an API in memory, with all that has a clock played.
    `restarts`: a version's serving can be away for a while, as a pod can, and a slot of the serving process cannot.
    `forging`: an approval can be made in another's name. In a cluster admission forbids it, which is a story of its own
    (`tests/e2e/realworld/stories.py`).
    """
    return tuple(scenario for scenario in SCENARIOS if scenario.needs <= can)


def play(scenario: Scenario, world: World) -> None:
    """Tell the story to a world; raises AssertionError at the first step that does not come true."""
    for step in scenario.steps:
        step(world)
