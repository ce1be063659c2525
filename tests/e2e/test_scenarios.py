"""Every scenario that the toy world tells, told to a cluster with pods, a Gateway, Prometheus, MLflow and users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.realworld.soak import soak
from tests.e2e.realworld.stories import STORIES
from tests.e2e.realworld.theatre import theatre
from tests.scenarios.table import possible

if TYPE_CHECKING:
    from tests.scenarios.steps import Scenario

# Not `jump`: every clock of a cluster is the kernel's of its machine, which programs in Go ask without a library that
# could answer otherwise; and not `forging`, which admission forbids: below.
CAN = frozenset({"restarts"})
# In `make e2e`; the others in `make e2e-full`.
CORE = frozenset({
    "a rejected version is archived",
    "an artefact exchanged under a version that has users already is taken back",
    "a decision that is past is explained, and decided again, from the controller's log",
})  # fmt: skip
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def each(scenario: Scenario):
    slow = () if scenario.sentence in CORE else (pytest.mark.e2e_full,)
    return pytest.param(scenario, id=scenario.sentence, marks=slow)


@pytest.fixture(scope="module")
def played(world, request, tmp_path_factory):
    """The scenarios that were asked for, all under way."""
    asked = [item.callspec.params["scenario"] for item in request.session.items
             if item.path == request.path and "scenario" in getattr(item, "fixturenames", ())]  # fmt: skip
    with theatre(world, tmp_path_factory.mktemp("theatre")) as playing:
        playing.begin(asked)
        yield playing


@pytest.mark.parametrize("scenario", [each(scenario) for scenario in (*possible(CAN), *STORIES)])
def test_scenario_in_a_cluster(played, scenario: Scenario):
    played.outcome(scenario)


@pytest.mark.e2e_full
def test_versions_end_where_they_must_while_leaders_predictors_and_mlflow_are_killed(played, world):
    """No request is lost in minutes of it."""
    killed = soak(played, world.kube)

    assert set(killed) == {"leader", "predictor", "mlflow"}, killed
