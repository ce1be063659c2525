"""The record of decisions as lines of a log: what is written is read back, and decided again it comes out the same."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from controller.cluster.key import Key
from controller.cluster.recording import EVENT, records_of
from controller.replay import replay
from tests.clusterworld.cluster_world import ClusterWorld
from tests.scenarios.steps import eventually, has_weight, in_production, model, push

RECIPES = Key("shop", "recipes")


@pytest.fixture(scope="module")
def lines():
    """The log of a promotion."""
    world = ClusterWorld()
    with capture_logs() as said:
        for step in (model(), in_production("1.0.0"), push("1.1.0"), has_weight("1.1.0", 50),
                     eventually("1.1.0", stage="Production", reason="InProduction")):  # fmt: skip
            step(world)
    return [json.dumps(each, default=str) for each in said]


def test_every_decision_is_read_back_and_decided_the_same_again(lines):
    records = records_of(lines, RECIPES, "1.1.0")

    assert len(records) > 10
    assert replay(records) == ()
    assert [record.at for record in records] == sorted(record.at for record in records)


def test_a_version_is_seen_as_a_decision_left_it(lines):
    left = [record.left("1.1.0")[0].status for record in records_of(lines, RECIPES, "1.1.0")]

    assert {0, 10, 50, 100} == {status.weight for status in left}
    assert (left[0].stage, left[-1].stage) == ("Training", "Production")
    version, owner = records_of(lines, RECIPES, "1.1.0")[-1].left("1.1.0")
    assert (version.spec.version, owner.status.production) == ("1.1.0", "1.1.0")


def test_other_models_and_other_lines_are_passed_over(lines):
    assert records_of(lines, Key("shop", "cakes"), "1.1.0") == ()
    assert records_of(lines, RECIPES, "9.9.9") == ()
    assert records_of(lines, Key("neighbours", "recipes"), "1.1.0") == ()
    nameless = [line.replace('"namespace": "shop", ', "") for line in lines]
    assert len(records_of(nameless, RECIPES, "1.1.0")) == len(records_of(lines, RECIPES, "1.1.0")), "older lines"
    strange = ["", "no JSON decided", "{decided", f'{{"event": "{EVENT}"}}', "[]decided", *spoilt(lines)]
    assert len(records_of([*strange, *lines], RECIPES, "1.1.0")) == len(records_of(lines, RECIPES, "1.1.0"))


def spoilt(lines):
    """Records that were cut off, or hold something else."""
    first = next(json.loads(line) for line in lines if "1.1.0" in line and EVENT in line)
    return [
        json.dumps(first | {"record": word})
        for word in (first["record"][:50], "AAAA", "ä", 3, None, "eJyrrgUAAXUA+Q==")
    ]


def test_lines_of_two_replicas_may_come_one_after_the_other_twice_and_behind_a_name(lines):
    half = len(lines) // 2
    several = [f"[pod/rr-controller-1/controller] {line}" for line in lines[half:]] + lines

    assert records_of(several[:-half] + lines[:half], RECIPES, "1.1.0") == records_of(lines, RECIPES, "1.1.0")
