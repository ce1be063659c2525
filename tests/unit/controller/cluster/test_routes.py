"""The split as it is written to the HTTPRoute, and read back once the Gateway has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cluster.routing import Entrance, chosen_by, http_route, traffic_service, weights_of
from controller.resource.meta import Meta

OWNER = Meta(name="recipes", uid="u1")
ENTRANCE = Entrance(hostname="recipes.example", gateway="gateway/recipes")


def written(weights, generation=1, entrance=ENTRANCE):
    route = http_route(OWNER, weights, entrance)
    return route | {"metadata": route["metadata"] | {"generation": generation}}


def accepted(route, *, generation=1, resolved="True"):
    conditions = [
        {"type": "Accepted", "status": "True", "observedGeneration": generation},
        {"type": "ResolvedRefs", "status": resolved, "observedGeneration": generation},
    ]
    return route | {"status": {"parents": [{"conditions": conditions}]}}


@given(st.dictionaries(st.sampled_from(["1.0.0", "1.1.0", "2.0.0-rc.1"]), st.integers(1, 100), min_size=1))
def test_what_was_written_is_read_back(weights):
    assert weights_of(accepted(written(weights)), OWNER, weights, ENTRANCE) == weights


def test_a_version_without_weight_is_left_out():
    assert weights_of(accepted(written({"1.0.0": 100, "1.1.0": 0})), OWNER, ["1.0.0", "1.1.0"], ENTRANCE) == {
        "1.0.0": 100
    }


UNREAD = {
    "no gateway has looked": written({"1.0.0": 100}),
    "it looked at an earlier one": accepted(written({"1.0.0": 100}, generation=2), generation=1),
    "it does not find a Service": accepted(written({"1.0.0": 100}), resolved="False"),
}


@pytest.mark.parametrize("route", UNREAD.values(), ids=UNREAD.keys())
def test_the_split_is_not_known_while(route):
    assert weights_of(route, OWNER, ["1.0.0"], ENTRANCE) is None


def test_without_a_route_nobody_is_answered():
    assert weights_of(None, OWNER, ["1.0.0"], ENTRANCE) == {}


def edited(change):
    route = accepted(written({"1.0.0": 100}))
    change(route["spec"])
    return route


STRANGERS = {
    "another backend": lambda spec: spec["rules"][0]["backendRefs"][0].update(name="mlflow"),
    "another host": lambda spec: spec.update(hostnames=["else.example"]),
    "another gateway": lambda spec: spec["parentRefs"][0].update(name="else"),
    "a rule more": lambda spec: spec["rules"].insert(0, {"matches": [{"path": {"type": "PathPrefix", "value": "/x"}}]}),
    "no rules": lambda spec: spec.pop("rules"),
    "another port": lambda spec: spec["rules"][0]["backendRefs"][0].update(port=81),
}


@pytest.mark.parametrize("change", STRANGERS.values(), ids=STRANGERS.keys())
@pytest.mark.parametrize("resolved", ["True", "False"])
def test_what_a_stranger_wrote_counts_as_no_route_whatever_the_gateway_makes_of_it(change, resolved):
    route = edited(change)
    route["status"] = accepted(route, resolved=resolved)["status"]
    assert weights_of(route, OWNER, ["1.0.0"], ENTRANCE) == {}


def test_the_split_of_a_version_that_is_gone_counts_as_no_route():
    assert weights_of(accepted(written({"1.0.0": 100})), OWNER, [], ENTRANCE) == {}


def test_what_the_api_adds_by_default_does_not_matter():
    def add(spec):
        spec["rules"][0]["backendRefs"][0].update(group="", kind="Service")
        spec["parentRefs"][0].update(group="gateway.networking.k8s.io", kind="Gateway")

    assert weights_of(edited(add), OWNER, ["1.0.0"], ENTRANCE) == {"1.0.0": 100}


def test_the_registry_is_answered_beside_the_predictors_and_is_no_part_of_the_split():
    route = written({"1.0.0": 100}, entrance=Entrance(hostname="h", gateway="g", api="controller"))
    beside = [rule for rule in route["spec"]["rules"] if rule["backendRefs"][0]["name"] == "controller"]

    assert [each["path"]["value"] for each in beside[0]["matches"]] == ["/models", "/retrain"]
    beside_too = Entrance(hostname="h", gateway="g", api="controller")
    assert weights_of(accepted(route), OWNER, ["1.0.0"], beside_too) == {"1.0.0": 100}


def test_a_service_gives_all_users_to_one_version_and_says_which():
    service = traffic_service(OWNER, "1.0.0")
    assert chosen_by(service, "recipes", ["1.0.0", "1.1.0"]) == {"1.0.0": 100}
    assert chosen_by(service, "recipes", ["1.1.0"]) == {"recipes-1-0-0": 100}, "it was deleted meanwhile"
    assert chosen_by(None, "recipes", ["1.0.0"]) == {}
