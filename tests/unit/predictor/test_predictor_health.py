"""GET /health and GET /metrics."""

from __future__ import annotations

from threading import Event

import pytest

import predictor.components
from mlops.errors import Transient
from predictor.answers import HealthResponse, StatisticsResponse
from predictor.health import disk_component, index_component, model_component, overall, translator_component, worse
from predictor.ports import Component, Ports
from predictor.slot import Share, SlotState
from tests.builders.predictor_world import assert_problem
from tests.fakes.recommender import fake_model


def component(status):
    return Component(status=status, reason="because")


def serving(*shares, **state):
    return SlotState(shares=tuple(Share(served, weight) for served, weight in shares), **state)


OVERALL = {
    "all well": ({"model": "ok", "index": "ok", "disk": "ok"}, "ok"),
    "nothing known is no fault": ({"model": "ok", "translator": "unknown", "registry": "not_configured"}, "ok"),
    "one part poor": ({"model": "ok", "translator": "degraded"}, "degraded"),
    "a part that is not vital is gone": ({"model": "ok", "registry": "unavailable"}, "degraded"),
    "no model": ({"model": "unavailable", "index": "ok"}, "unavailable"),
    "no index": ({"model": "ok", "index": "unavailable", "disk": "degraded"}, "unavailable"),
    "model poor": ({"model": "degraded", "index": "ok"}, "degraded"),
}


@pytest.mark.parametrize(("statuses", "expected"), OVERALL.values(), ids=OVERALL.keys())
def test_the_whole_is_as_good_as_its_vital_parts(statuses, expected):
    assert overall({name: component(status) for name, status in statuses.items()}) == expected


FOUND = {
    "loading": (model_component(SlotState()), "unavailable", "still loading"),
    "failed": (model_component(SlotState(failure="bad digest")), "unavailable", "loading failed: bad digest"),
    "serving": (model_component(serving((fake_model("1.2.3"), 100))), "ok", "serving recipes 1.2.3"),
    "a swap failed": (
        model_component(serving((fake_model("1.2.3"), 100), failure="bad digest")),
        "degraded",
        "still serving 1.2.3, a newer model failed: bad digest",
    ),
    "serving two": (
        model_component(serving((fake_model("1.0.0"), 90), (fake_model("1.1.0"), 10))),
        "ok",
        "serving recipes 1.0.0 (90 %), 1.1.0 (10 %)",
    ),
    "serving was ended": (model_component(SlotState(cleared=True)), "unavailable", "no version is in production"),
    "no index yet": (index_component(SlotState()), "unknown", "no model is loaded"),
    "an empty index": (index_component(serving((fake_model(recipes=0), 100))), "unavailable", "no recipe"),
    "an empty index for some": (
        index_component(serving((fake_model("1.0.0"), 95), (fake_model("1.1.0", recipes=0), 5))),
        "degraded",
        "no recipe is in 1.1.0 (5 %)",
    ),
    "two sizes": (
        index_component(serving((fake_model("1.0.0"), 95), (fake_model("1.1.0", recipes=7), 5))),
        "ok",
        "100 recipes, 7 recipes",
    ),
    "no Spanish yet": (translator_component(()), "unknown", "no Spanish query"),
    "Spanish works": (translator_component((True, True)), "ok", "the last 2 Spanish queries were translated"),
    "Spanish fails": (translator_component((True, False, False)), "degraded", "2 of the last 3"),
    "disk full": (disk_component(free_bytes=1 << 20, least_bytes=100 << 20), "degraded", "1 MiB free < 100 MiB"),
    "disk free": (disk_component(free_bytes=100 << 20, least_bytes=100 << 20), "ok", "100 MiB free"),
    "the worse of two": (worse(component("ok"), component("degraded")), "degraded", "because"),
    "known is worse than unknown": (worse(component("ok"), component("unknown")), "ok", "because"),
}


@pytest.mark.parametrize(("found", "status", "reason"), FOUND.values(), ids=FOUND.keys())
def test_each_part_says_how_it_is_and_why(found, status, reason):
    assert found.status == status
    assert reason in found.reason


def test_health_names_the_model_and_every_part(world):
    answer = world.request("GET", "/health")

    HealthResponse.model_validate(answer.json(), strict=True)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["model"]["digest"].startswith("sha256:")
    assert set(answer.json()["components"]) == {"model", "index", "translator", "registry", "feedback_store", "disk"}


def test_without_a_model_the_service_is_unavailable(make_world):
    answer = make_world(served=None).request("GET", "/health")

    assert (answer.status_code, answer.json()["status"], answer.json()["model"]) == (503, "unavailable", None)
    assert answer.json()["traffic"] == []


def test_every_version_that_takes_traffic_is_shown_with_its_weight(world):
    world.slot.serve([Share(fake_model("1.0.0"), 80), Share(fake_model("1.1.0"), 20)])

    health = world.request("GET", "/health").json()
    world.request("GET", "/metrics")

    HealthResponse.model_validate(health, strict=True)
    assert health["model"]["version"] == "1.0.0"
    assert [(share["version"], share["weight"]) for share in health["traffic"]] == [("1.0.0", 80), ("1.1.0", 20)]
    assert world.metrics['recipes_traffic_weight{model="recipes",version="1.0.0"}'] == 80
    assert world.metrics['recipes_traffic_weight{model="recipes",version="1.1.0"}'] == 20
    assert len([name for name in world.metrics if name.startswith("recipes_model_info")]) == 2


def test_a_version_that_left_has_no_weight(world):
    world.slot.serve([Share(fake_model("1.0.0"), 80), Share(fake_model("1.1.0"), 20)])
    world.request("GET", "/metrics")
    world.slot.swap(fake_model("1.0.0"))
    world.request("GET", "/metrics")

    weights = {name: value for name, value in world.metrics.items() if name.startswith("recipes_traffic_weight")}
    assert weights == {'recipes_traffic_weight{model="recipes",version="1.0.0"}': 100}


def counted(world):
    return [name for name in world.metrics if name.startswith("recipes_request_duration_seconds_count")]


def test_requests_are_counted_by_the_version_that_answered(world):
    world.post("/recommend", {"query": "soup"})
    world.slot.swap(fake_model("1.1.0"))
    world.post("/recommend", {"query": "boom"})

    assert counted(world) == [
        'recipes_request_duration_seconds_count{route="/recommend",status="200",version="1.0.0"}',
        'recipes_request_duration_seconds_count{route="/recommend",status="500",version="1.1.0"}',
    ]


def test_versions_that_left_long_ago_have_no_series_any_more(world):
    for number in range(30):
        world.slot.swap(fake_model(f"1.{number}.0"))
        world.post("/recommend", {"query": "soup"})

    assert [name.split('version="')[1][:6] for name in counted(world)] == [f"1.{number}.0" for number in range(24, 30)]


def test_untranslated_answers_make_the_service_degraded_and_are_counted(world):
    for _ in range(2):
        world.post("/recommend", {"query": "guiso intraducible", "language": "es"})
    world.post("/recommend", {"query": "guiso", "language": "es"})

    translator = world.request("GET", "/health").json()["components"]["translator"]
    assert translator == {"status": "degraded", "reason": "2 of the last 3 Spanish queries were answered untranslated"}
    assert world.metrics["recipes_untranslated_total"] == 2


def raising(error):
    def probe():
        raise error

    return probe


def test_probes_that_fail_in_any_way_are_findings(make_world, monkeypatch):
    monkeypatch.setattr(predictor.components, "_PROBE_SECONDS", 0.05)
    gate = Event()
    probes = {
        "registry": raising(Transient("http://10.0.0.9 refused", hint="start MLflow")),
        "broken": raising(KeyError("secret")),
        "hanging": gate.wait,
        "well": lambda: component("ok"),
        "translator": lambda: component("degraded"),
    }

    answer = make_world(ports=Ports(probes=probes)).request("GET", "/health")
    gate.set()

    parts = {name: (part["status"], part["reason"]) for name, part in answer.json()["components"].items()}
    assert answer.json()["status"] == "degraded"
    assert parts["registry"] == ("unavailable", "start MLflow")
    assert parts["broken"] == ("unavailable", "its check failed: KeyError")
    assert parts["hanging"] == ("unavailable", "no answer within 0.05 s")
    assert parts["well"] == ("ok", "because")
    assert parts["translator"] == ("degraded", "because")


def test_little_disk_makes_the_service_degraded(make_world, tmp_path):
    world = make_world(log_folder=tmp_path, least_free_bytes=1 << 60)

    assert world.request("GET", "/health").json()["components"]["disk"]["status"] == "degraded"


def test_metrics_are_prometheus_text(world):
    world.post("/recommend", {"query": "soup"})
    answer = world.request("GET", "/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    for name in ("recipes_request_duration_seconds", "recipes_translation_duration_seconds",
                 "recipes_embedding_duration_seconds", "recipes_ranking_duration_seconds",
                 "recipes_untranslated_total", "recipes_errors_total", "recipes_inflight",
                 "recipes_feedback_total", "recipes_feedback_dropped_total", "recipes_model_info"):  # fmt: skip
        assert f"# TYPE {name.removesuffix('_total')}" in answer.text


def test_metrics_tell_phases_and_status(world):
    world.post("/recommend", {"query": "soup"})
    world.post("/recommend", {"query": ""})

    metrics = world.metrics
    assert metrics['recipes_request_duration_seconds_count{route="/recommend",status="200",version="1.0.0"}'] == 1
    assert metrics['recipes_request_duration_seconds_count{route="/recommend",status="422",version=""}'] == 1
    assert metrics['recipes_errors_total{kind="invalid"}'] == 1
    assert metrics["recipes_ranking_duration_seconds_sum"] == pytest.approx(0.0007)
    assert metrics["recipes_inflight"] == 0


def test_the_model_info_is_of_the_model_served_now(world):
    world.slot.swap(fake_model("2.0.0"))
    world.request("GET", "/metrics")

    shown = [name for name in world.metrics if name.startswith("recipes_model_info")]
    assert len(shown) == 1
    assert 'version="2.0.0"' in shown[0]


def test_statistics_of_the_last_minutes(world):
    for query in ("soup", "flaky", ""):
        world.post("/recommend", {"query": query, "k": 4})

    answer = world.request("GET", "/metrics?window_minutes=5")

    body = answer.json()
    StatisticsResponse.model_validate(body, strict=True)
    assert (body["requests"], body["errors"]) == (3, 1)
    assert body["metrics"]["num_recipes"]["mean"] == 4
    assert body["metrics"]["embedding_latency_ms"]["p50"] == 1.0
    assert body["metrics"]["error_rate"]["mean"] == pytest.approx(1 / 3)


def test_no_data_is_null(world):
    metrics = world.request("GET", "/metrics?window_minutes=5").json()["metrics"]

    assert metrics.pop("request_count")["max"] == 0
    assert set(metrics.values()) == {None}


def test_other_routes_are_not_in_the_statistics(world):
    world.request("GET", "/health")
    world.request("GET", "/nothing")

    assert world.request("GET", "/metrics?window_minutes=5").json()["requests"] == 0


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "x", "1.5", "NaN", ""])
def test_a_window_out_of_bounds_is_a_problem_422(world, minutes):
    answer = world.request("GET", f"/metrics?window_minutes={minutes}")

    assert_problem(answer, 422, "invalid")
    assert answer.json()["errors"][0]["parameter"] == "window_minutes"


def test_a_bucket_leads_to_the_trace_of_a_request_for_who_scrapes_openmetrics(make_world):
    world = make_world()
    trace = "0af7651916cd43dd8448eb211c80319c"
    world.post("/recommend", {"query": "soup"}, traceparent=f"00-{trace}-b7ad6b7169203331-01")
    asked = {"headers": {"accept": "application/openmetrics-text; version=1.0.0"}}
    lines = world.request("GET", "/metrics", **asked).text.splitlines()
    found = [line for line in lines if f'trace_id="{trace}"' in line]
    assert found
    assert all(line.startswith("recipes_request_duration_seconds_bucket{") for line in found)
    assert trace not in world.request("GET", "/metrics").text, "the plain form has no place for it"
