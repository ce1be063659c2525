"""The split as it is written to the HTTPRoute, and read back once the Gateway has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cluster.routing import Entrance, chosen_by, http_route, traffic_service, weights_of

ENTRANCE = Entrance(hostname="recipes.example", gateway="gateway/recipes")


def written(weights, generation=1, entrance=ENTRANCE):
    route = http_route("recipes", weights, entrance)
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


def test_the_registry_is_answered_beside_the_predictors_and_is_no_part_of_the_split():
    route = written({"1.0.0": 100}, entrance=Entrance(hostname="h", gateway="g", api="controller"))
    beside = [rule for rule in route["spec"]["rules"] if rule["backendRefs"][0]["name"] == "controller"]

    assert [each["path"]["value"] for each in beside[0]["matches"]] == ["/models", "/retrain"]
    assert weights_of(accepted(route), "recipes", ["1.0.0"]) == {"1.0.0": 100}


def test_a_rule_without_matches_is_for_everything():
    route = accepted(written({"1.0.0": 100}))
    del route["spec"]["rules"][0]["matches"]
    assert weights_of(route, "recipes", ["1.0.0"]) == {"1.0.0": 100}


def test_a_service_gives_all_users_to_one_version_and_says_which():
    service = traffic_service("recipes", "1.0.0")
    assert chosen_by(service, "recipes", ["1.0.0", "1.1.0"]) == {"1.0.0": 100}
    assert chosen_by(service, "recipes", ["1.1.0"]) == {"recipes-1-0-0": 100}, "it was deleted meanwhile"
    assert chosen_by(None, "recipes", ["1.0.0"]) == {}
