"""What a service is alarmed about: told, shown by GET /health and in the metrics, and over again."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import pytest

from mlops.errors import Transient
from mlops.feedback import Feedback, FeedbackStore
from mlops.monitoring.alerts import Kind
from mlops.monitoring.statistics import Sample
from predictor.answers import HealthResponse
from predictor.ports import Component, Ports
from tests.builders.predictor_world import make_world
from tests.fakes.recommender import fake_model
from tests.unit.mlops.test_feedback_store import StuckSpool

DAY = 86_400.0
NOW = 1_800_000_000.0


def ask(world, times, query="soup"):
    for _ in range(times):
        world.post("/recommend", {"query": query})
        world.now[0] += 1


def alerts(world):
    body = world.request("GET", "/health").json()
    HealthResponse.model_validate(body, extra="forbid")
    return body["status"], [(each["alert"], each["subject"]) for each in body["alerts"]]


def test_a_service_that_is_well_is_alarmed_about_nothing():
    world = make_world(fake_model())
    ask(world, 60)
    world.service.watch.look()
    assert alerts(world) == ("ok", [])
    assert world.told == []


def test_failures_are_told_shown_and_over():
    world = make_world(fake_model())
    ask(world, 40)
    ask(world, 40, "boom")
    world.service.watch.look()
    assert alerts(world) == ("degraded", [("errors", "")])
    (notice,) = world.told
    assert "40 of 80 requests failed" in notice.alert.reason
    world.request("GET", "/metrics")
    assert world.metrics['recipes_alert{alert="errors",severity="critical"}'] == 1.0
    assert world.metrics['recipes_alert{alert="latency",severity="warning"}'] == 0.0
    world.now[0] += 600
    world.service.watch.look()
    assert alerts(world) == ("ok", [])
    assert [each.resolved for each in world.told] == [False, True]


def test_drift_that_stays_is_told():
    world = make_world(fake_model())

    def answer(seconds, language):
        for _ in range(0, seconds, 10):
            sample = Sample(at=world.now[0], failed=False, api_latency_ms=5.0, language=language)
            world.service.collector.record(sample)
            world.now[0] += 10

    answer(40_000, "en")
    answer(3600, "es")
    found = []
    for _ in range(17):
        world.service.watch.look()
        found.append(("drift", "language") in alerts(world)[1])
        answer(60, "es")
    assert found == [False] * 15 + [True] * 2, "after a quarter of an hour"


def test_a_volume_that_hangs_and_says_nothing_is_an_alert_about_feedback(tmp_path):
    gate = Event()
    store = FeedbackStore(StuckSpool(tmp_path, gate))
    world = make_world(fake_model(), feedback=store)
    at = datetime.fromtimestamp(NOW, UTC)
    receipts = [
        store.submit(Feedback(feedback_id=name, recommendation_id="1.0.0~x", at=at, clicked=("r-1",)))
        for name in ("f-1", "f-2")
    ]
    world.now[0] = NOW + 9
    world.service.watch.look()
    assert alerts(world) == ("ok", [])
    world.now[0] = NOW + 42
    world.service.watch.look()
    assert alerts(world) == ("degraded", [("feedback", "feedback_store")])
    assert world.told[-1].alert.reason == "2 feedbacks wait for the disk, the oldest for 42 s > 10 s"
    gate.set()
    assert [receipt.result(timeout=10).duplicate for receipt in receipts] == [False, False]
    world.now[0] += 600
    world.service.watch.look()
    assert alerts(world) == ("ok", [])
    store.close()


@pytest.mark.parametrize(
    ("name", "kind", "holds"),
    [("translator", Kind.TRANSLATOR, 30), ("registry", Kind.REGISTRY, 120), ("disk", Kind.DISK, 0)],
)
def test_a_component_that_stays_unwell_is_an_alert(name, kind, holds):
    state = Component(status="degraded", reason="it is down")
    world = make_world(fake_model(), Ports(probes={name: lambda: state}))
    world.service.watch.look()
    world.now[0] += holds
    world.service.watch.look()
    assert [(each.kind, each.reason) for each in world.service.watch.firing] == [(kind, "it is down")]


def test_without_a_model_it_is_critical_once_it_should_have_loaded():
    world = make_world(None)
    world.service.watch.look()
    assert world.told == [], "it is starting"
    world.now[0] += 119
    world.service.watch.look()
    assert world.told == [], "it still is"
    world.now[0] += 1
    world.service.watch.look()
    assert [(each.alert.kind, each.alert.reason) for each in world.told] == [(Kind.MODEL, "still loading")], (
        "one fault, one alert"
    )


def test_a_model_is_stale_where_somebody_knows_its_age():
    world = make_world(fake_model(), Ports(trained_at=lambda: NOW - 100 * DAY))
    world.service.watch.look()
    assert [each.kind for each in world.service.watch.firing] == [Kind.STALE_MODEL]


def test_a_registry_that_does_not_answer_hides_the_age_and_nothing_else():
    def unknown():
        raise Transient("no registry")

    world = make_world(fake_model(), Ports(trained_at=unknown))
    ask(world, 40)
    ask(world, 40, "boom")
    world.service.watch.look()
    assert [each.kind for each in world.service.watch.firing] == [Kind.ERRORS]


def test_the_limits_are_settings():
    world = make_world(fake_model(), alert_p95_ms=0.001)
    ask(world, 60)
    world.service.watch.look()
    world.now[0] += 60
    ask(world, 40)
    world.service.watch.look()
    assert [each.kind for each in world.service.watch.firing] == [Kind.LATENCY]
