from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from controller.cluster.key import Key
from controller.cluster.recording import records_of
from controller.replay import replay
from tests.clusterworld.cluster_world import ClusterWorld
from tests.scenarios.table import play, possible

if TYPE_CHECKING:
    from tests.scenarios.steps import Scenario


CAN = frozenset({"jump", "restarts"})


@pytest.mark.parametrize("scenario", possible(CAN), ids=lambda scenario: scenario.sentence)
def test_scenario_in_the_clusters_shell(scenario: Scenario):
    world = ClusterWorld()
    with capture_logs() as said:
        play(scenario, world)
    lines = [json.dumps(each, default=str) for each in said]
    for version in world.platform.behaviours:
        assert replay(records_of(lines, Key("shop", world.model), version)) == ()
