"""The split as it is written to the HTTPRoute, and read back once the Gateway has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cluster.routing import http_route, weights_of


def written(weights, generation=1):
    route = http_route("recipes", weights, hostname="recipes.example", gateway="gateway/recipes")
    return route | {"metadata": route["metadata"] | {"generation": generation}}


def accepted(route, *, generation=1, resolved="True"):
    conditions = [
        {"type": "Accepted", "status": "True", "observedGeneration": generation},
        {"type": "ResolvedRefs", "status": resolved, "observedGeneration": generation},
    ]
    return route | {"status": {"parents": [{"conditions": conditions}]}}


@given(st.dictionaries(st.sampled_from(["1.0.0", "1.1.0", "2.0.0-rc.1"]), st.integers(1, 100), min_size=1))
def test_what_was_written_is_read_back(weights):
    assert weights_of(accepted(written(weights)), "recipes", weights) == weights


def test_a_version_without_weight_is_left_out():
    assert weights_of(accepted(written({"1.0.0": 100, "1.1.0": 0})), "recipes", ["1.0.0", "1.1.0"]) == {"1.0.0": 100}


UNREAD = {
    "no gateway has looked": written({"1.0.0": 100}),
    "it looked at an earlier one": accepted(written({"1.0.0": 100}, generation=2), generation=1),
    "it does not find a Service": accepted(written({"1.0.0": 100}), resolved="False"),
}


@pytest.mark.parametrize("route", UNREAD.values(), ids=UNREAD.keys())
def test_the_split_is_not_known_while(route):
    assert weights_of(route, "recipes", ["1.0.0"]) is None


def test_without_a_route_nobody_is_answered():
    assert weights_of(None, "recipes", ["1.0.0"]) == {}


def test_a_backend_of_nobody_shows_under_its_own_name():
    route = accepted(written({"1.0.0": 100}))
    assert weights_of(route, "recipes", []) == {"recipes-1-0-0-predictor": 100}
