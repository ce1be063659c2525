"""Every scenario that the toy world tells, told again to the embedded shell with real requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.replay import replay
from tests.embeddedworld.embedded_world import CAN, EmbeddedWorld
from tests.scenarios.table import play, possible

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.steps import Scenario

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]


@pytest.mark.parametrize("scenario", possible(CAN), ids=lambda scenario: scenario.sentence)
def test_scenario_in_the_embedded_shell(scenario: Scenario, tmp_path: Path):
    with EmbeddedWorld(tmp_path) as world:
        play(scenario, world)
        assert world.lost == []
        for version in world.life.resources.versions():
            assert replay(world.life.records.of_version(version.spec.version)) == ()
