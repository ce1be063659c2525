from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.replay import Record, replay
from tests.scenarios.table import SCENARIOS, play
from tests.toyworld.toy_world import ToyWorld

if TYPE_CHECKING:
    from tests.scenarios.steps import Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.sentence)
def test_scenario_in_the_toy_world(scenario: Scenario):
    world = ToyWorld()

    play(scenario, world)

    records = [Record.of(*record) for record in world.records]
    assert replay(records[-20:]) == ()
