"""The controller over HTTP: what it answers, what it refuses, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from controller.cluster.key import Key
from controller.observation import JobState, RetrainingJob
from controller.service.app import Backing, create_app
from controller.service.retrain_checks import RetrainChecks
from controller.service.reviews import Reviews
from mlops.errors import NotFound, Transient
from mlops.model_registry import Stage
from mlops.retraining import DriftSeen
from mlops.status_page.rollout import GateLine, Rollout, VersionLine
from tests.builders.registry_world import MODEL, World

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ASKED = b'{"model": "%s"}' % MODEL.encode()
PERSON = {"username": "ana", "uid": "7", "groups": ["g"]}


class Api:
    """A cluster that knows one token, and whom it lets train."""

    def __init__(self):
        self.allowed = True
        self.asked = []

    def review(self, _api_version, plural, question):
        self.asked.append(question["spec"])
        if plural == "tokenreviews":
            known = question["spec"] == {"token": "good"}
            return {"status": {"authenticated": known, "user": PERSON if known else {}}}
        return {"status": {"allowed": self.allowed}}


class Controller:
    def __init__(self, folder):
        self.world = World(folder, a=Stage.ARCHIVED, b=Stage.PRODUCTION)
        self.down = False
        self.runs = []
        self.feedbacks = 700
        self.sick = None
        self.unready = "not yet"
        self.api = Api()
        self.now = self.production().created_at + timedelta(days=1)
        self.due = {}
        self.drift = {}
        checks = RetrainChecks(
            self,
            lambda _model: self.runs,
            lambda _model, _since: self.feedbacks,
            self.due.__setitem__,
            lambda: self.now,
            drift=lambda model, version: self.drift.get((model, version)),
        )
        backing = Backing(
            registry=self, rollout=self.rollout, check=checks.check, admit=lambda header, model: Reviews(self.api).admit(header, Key("shop", model)), sick=lambda: self.sick,
            unready=lambda: self.unready, metrics=CollectorRegistry(),
        )  # fmt: skip
        self.http = TestClient(create_app(backing), raise_server_exceptions=False)

    def rollout(self, model):
        if model != MODEL:
            raise NotFound("there is no such Model", hint="kubectl get models")
        gate = GateLine(phase="canary", metric="error-rate", verdict="Passed", told="0.001 < 0.02")
        line = VersionLine(version="1.1.0", stage="Staging", reason="Analysing", message="<b>20 % of users</b>",
                           weight=20, progress="step 1 of 2", gates=(gate,))  # fmt: skip
        return Rollout(model=model, reason="Canary", production="1.0.0", versions=(line,))

    def list_versions(self, model=None):
        if self.down:
            raise Transient("the MLflow server does not answer", hint="look at its pod")
        return self.world.registry.list_versions(model)

    def production(self, model=MODEL):
        return self.world.registry.production(model)

    def ask(self, body=ASKED, **headers):
        return self.http.post("/retrain/check", content=body, headers={"authorization": "Bearer good"} | headers)


@pytest.fixture
def controller(tmp_path):
    return Controller(tmp_path)


def test_versions_are_listed_and_filtered(controller):
    def numbers(query=""):
        return [each["version"] for each in controller.http.get(f"/models{query}").json()["models"]]

    assert numbers() == ["2.0.0", "1.0.0"]
    assert numbers("?stage=production") == ["2.0.0"]
    assert numbers("?version=1") == ["1.0.0"]
    assert numbers("?model=nobody") == []


def test_production_is_shown(controller):
    assert controller.http.get(f"/models/{MODEL}/production").json()["version"] == "2.0.0"
    missing = controller.http.get("/models/nobody/production")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    assert "GET /models" in missing.json()["detail"]


def test_a_registry_that_is_down_is_said_with_when_to_ask_again(controller):
    controller.down = True
    answer = controller.http.get("/models")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"] == "the MLflow server does not answer. look at its pod"


def test_whoever_may_asks_whether_to_train_again_and_is_told_why(controller):
    answer = controller.ask().json()
    assert answer["retrain"] is True
    assert any("700 clicks >= 500" in reason for reason in answer["reasons"])
    assert controller.due[MODEL]
    token, access = controller.api.asked
    assert token == {"token": "good"}
    assert access["resourceAttributes"] == {
        "group": "mlops.recipe-recommender.io", "resource": "models", "verb": "retrain", "name": MODEL, "namespace": "shop",
    }  # fmt: skip
    assert access["user"] == "ana"


def test_what_is_under_way_or_was_lately_is_not_done_again(controller):
    controller.runs = [RetrainingJob(name="r1", state=JobState.RUNNING, started=controller.now)]
    answer = controller.ask().json()
    assert (answer["retrain"], answer["job"]) == (False, "r1")
    assert not controller.due[MODEL]
    controller.runs = [RetrainingJob(name="r1", state=JobState.FAILED, started=controller.now)]
    assert controller.ask().json()["retrain"] is False


def test_unknown_feedback_is_neither_for_nor_against(controller):
    controller.feedbacks = None
    answer = controller.ask().json()
    assert answer["retrain"] is False
    assert any("nobody counts" in reason for reason in answer["reasons"])
    controller.now += timedelta(days=30)
    assert controller.ask().json()["retrain"] is True, "the interval speaks for itself"


REFUSED = {
    "no token": (b"{}", {"authorization": ""}, 422),
    "nobody's token": (b'{"model": "recipes"}', {"authorization": "Bearer bad"}, 401),
    "another scheme": (b'{"model": "recipes"}', {"authorization": "Basic good"}, 401),
    "no model": (b"{}", {}, 422),
    "no JSON": (b"{", {}, 422),
    "an unknown field": (b'{"model": "recipes", "force": true}', {}, 422),
    "a novel": (b'{"model": "' + b"x" * 20_000 + b'"}', {}, 413),
    "a model that has no production": (b'{"model": "nobody"}', {}, 404),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused(controller, body, headers, status):
    answer = controller.ask(body, **headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_who_may_not_train_is_told_what_it_takes(controller):
    controller.api.allowed = False
    answer = controller.ask()
    assert answer.status_code == 403
    assert "ana may not start a retraining of" in answer.json()["detail"]
    assert "verb retrain" in answer.json()["detail"]


def test_probes_say_what_is_wrong(controller):
    assert controller.http.get("/healthz").text == "ok"
    assert (controller.http.get("/readyz").status_code, controller.http.get("/readyz").text) == (503, "not yet")
    controller.sick, controller.unready = "the watch of jobs is deaf", None
    assert controller.http.get("/healthz").status_code == 503
    assert controller.http.get("/readyz").status_code == 200


def test_another_route_is_a_problem_too(controller):
    answer = controller.http.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert controller.http.get("/metrics").status_code == 200


def test_where_a_rollout_is_as_json_and_to_a_browser_as_a_page(controller):
    (line,) = controller.http.get(f"/models/{MODEL}/rollout").json()["versions"]
    assert (line["version"], line["weight"], line["progress"], line["gates"][0]["verdict"]) == (
        "1.1.0", 20, "step 1 of 2", "Passed",
    )  # fmt: skip
    page = controller.http.get(f"/models/{MODEL}/rollout", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "step 1 of 2" in page.text
    assert "&lt;b&gt;20 % of users" in page.text
    assert controller.http.get("/models/none/rollout").status_code == 404


def test_drift_that_a_job_found_is_among_the_reasons_and_calls_for_a_retraining(controller):
    controller.feedbacks = 0
    assert controller.ask().json()["retrain"] is False
    version = controller.production().version
    controller.drift[MODEL, version] = DriftSeen(windows=(True, True), lasting=("words",), told="words: 0.2 >= 0.03")
    answer = controller.ask().json()
    assert answer["retrain"] is True
    assert "drift: drift in 2 windows in a row >= 2, of words; words: 0.2 >= 0.03 (for)" in answer["reasons"]
    assert controller.due == {MODEL: True}
