"""GET /models, GET /models/{model}/production, POST /retrain/check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

import pytest

import predictor.routes_registry
from mlops.errors import NotFound, Transient
from mlops.registry.stages import Stage
from mlops.registry.values import RegisteredVersion
from predictor.answers import ModelsResponse, RetrainResponse, VersionOut
from predictor.ports import Ports, RetrainDecision
from tests.builders.predictor_world import assert_problem


def a_version(version, stage, model="recipes"):
    return RegisteredVersion(
        model=model, version=version, stage=stage, reason="passed every gate", number=1, digest="sha256:ab",
        source="file:///models/1", run_id="r1", metadata={"corpus": "sample"}, metrics={"ndcg@10": 0.6},
        created_at=datetime(2026, 11, 23, tzinfo=UTC), aliases=("champion",) if stage is Stage.PRODUCTION else (),
    )  # fmt: skip


@dataclass
class FakeRegistry:
    """The registry's reading side over a list; `fault` is raised, `gate` is waited for."""

    versions: list
    fault: Exception | None = None
    gate: Event | None = None

    def list(self):
        if self.gate is not None:
            self.gate.wait(timeout=30)
        if self.fault is not None:
            raise self.fault
        return self.versions

    def production(self, model):
        of_model = [version for version in self.list() if version.model == model]
        if not of_model:
            raise NotFound(f"no model {model!r} is registered", hint="GET /models lists them")
        return next((version for version in of_model if version.stage is Stage.PRODUCTION), None)


@dataclass
class FakeCheck:
    """Says yes for the model `old`."""

    asked: list

    def check(self, model):
        self.asked.append(model)
        return RetrainDecision(
            model=model, retrain=model == "old", reasons=("12 days since training < 30 days",), job="j-1"
        )  # fmt: skip


VERSIONS = [
    a_version("1.0.0", Stage.ARCHIVED),
    a_version("1.1.0", Stage.PRODUCTION),
    a_version("2.0.0-rc.1", Stage.STAGING),
    a_version("1.0.0", Stage.TRAINING, model="drinks"),
]


@pytest.fixture
def registry_world(make_world):
    return make_world(ports=Ports(models=FakeRegistry(VERSIONS), retraining=FakeCheck([])))


FILTERS = {
    "": [0, 1, 2, 3],
    "?model=recipes": [0, 1, 2],
    "?stage=production": [1],
    "?stage=Production": [1],
    "?version=1.": [0, 1, 3],
    "?version=1.0&model=drinks": [3],
    "?stage=Validation": [],
    "?model=": [],
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items())
def test_versions_are_filtered_by_model_stage_and_prefix(registry_world, query, expected):
    answer = registry_world.request("GET", f"/models{query}")

    assert answer.json()["models"] == [VERSIONS[index].to_json() for index in expected]


def test_versions_have_the_documented_shape(registry_world):
    body = registry_world.request("GET", "/models").json()

    ModelsResponse.model_validate(body, strict=True)
    assert set(body["models"][0]) == set(VersionOut.model_fields)


def test_the_version_in_production(registry_world):
    assert registry_world.request("GET", "/models/recipes/production").json()["version"] == "1.1.0"


@pytest.mark.parametrize(("model", "said"), [("drinks", "no version of 'drinks' is in production"),
                                             ("soups", "no model 'soups' is registered")])  # fmt: skip
def test_nothing_in_production_is_a_problem_404(registry_world, model, said):
    answer = registry_world.request("GET", f"/models/{model}/production")

    assert_problem(answer, 404, "not-found")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/models"), ("GET", "/models/recipes/production"),
                                              ("POST", "/retrain/check")])  # fmt: skip
def test_without_a_registry_it_is_a_problem_503_that_says_where_to_ask(world, method, path):
    answer = world.request(method, path)

    assert_problem(answer, 503, "not-configured")
    assert "recipes up" in answer.json()["detail"]


def test_an_unreachable_registry_is_a_problem_503_without_its_address(make_world):
    fault = Transient("http://10.0.0.9:5000 refused the connection", hint="start MLflow, or set RECIPES_MLFLOW_URI")
    world = make_world(ports=Ports(models=FakeRegistry([], fault=fault)))

    answer = world.request("GET", "/models")

    assert_problem(answer, 503, "unreachable")
    assert (answer.json()["detail"], "10.0.0.9" in answer.text) == (fault.hint, False)


def test_a_registry_that_hangs_is_a_problem_503(make_world, monkeypatch):
    monkeypatch.setattr(predictor.routes_registry, "_SECONDS", 0.05)
    gate = Event()
    world = make_world(ports=Ports(models=FakeRegistry([], gate=gate)))

    answer = world.request("GET", "/models")
    gate.set()

    assert_problem(answer, 503, "unreachable")


def test_a_filter_too_long_is_a_problem_422_that_names_the_parameter(registry_world):
    answer = registry_world.request("GET", "/models", params={"stage": "x" * 33})

    assert_problem(answer, 422, "invalid")
    assert answer.json()["errors"][0]["parameter"] == "stage"


@pytest.mark.parametrize(("body", "model"), [(b"", "recipes"), (b"{}", "recipes"), (b'{"model": "old"}', "old")])
def test_retraining_is_judged_for_the_model_named_or_served(registry_world, body, model):
    answer = registry_world.request(
        "POST", "/retrain/check", content=body, headers={"content-type": "application/json"}
    )  # fmt: skip

    RetrainResponse.model_validate(answer.json(), strict=True)
    assert (answer.json()["model"], answer.json()["retrain"]) == (model, model == "old")


TOKENS = {
    "none": None,
    "another": "Bearer nope",
    "a part": "Bearer hunte",
    "more": "Bearer hunter22",
    "another scheme": "Basic hunter2",
    "no scheme": "hunter2",
    "an empty one": "Bearer ",
}


@pytest.mark.parametrize("given", TOKENS.values(), ids=TOKENS.keys())
def test_without_the_token_it_is_a_problem_401_and_nothing_is_asked(make_world, given):
    check = FakeCheck([])
    world = make_world(ports=Ports(retraining=check), api_token="hunter2")  # noqa: S106 - made up

    answer = world.request("POST", "/retrain/check", headers={"authorization": given} if given else {})

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert check.asked == []


@pytest.mark.parametrize("given", ["Bearer hunter2", "bearer hunter2", "Bearer  hunter2"])
def test_with_the_token_it_is_answered(make_world, given):
    world = make_world(ports=Ports(retraining=FakeCheck([])), api_token="hunter2")  # noqa: S106 - made up

    assert world.request("POST", "/retrain/check", headers={"authorization": given}).status_code == 200


def test_reading_asks_for_no_token(make_world):
    world = make_world(ports=Ports(models=FakeRegistry(VERSIONS)), api_token="hunter2")  # noqa: S106 - made up

    assert world.request("GET", "/models").status_code == 200
