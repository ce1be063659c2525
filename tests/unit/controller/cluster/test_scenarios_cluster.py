from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clusterworld.cluster_world import ClusterWorld
from tests.scenarios.table import play, possible

if TYPE_CHECKING:
    from tests.scenarios.steps import Scenario


CAN = frozenset({"jump", "restarts"})


@pytest.mark.parametrize("scenario", possible(CAN), ids=lambda scenario: scenario.sentence)
def test_scenario_in_the_clusters_shell(scenario: Scenario):
    play(scenario, ClusterWorld())
