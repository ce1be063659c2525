"""What happens to every request around its route: ids, limits, KServe's side, and silence about exceptions."""

from __future__ import annotations

import asyncio
import re
from threading import Event
from urllib.parse import quote

import pytest
import structlog
from starlette.responses import JSONResponse, PlainTextResponse

from predictor.paths import is_kserve, is_shut, route_of
from tests.builders.predictor_world import assert_problem
from tests.fakes.recommender import fake_model

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v1/models/recipes", "/v2", "/v2/models/recipes/infer", "/v2/x"])
def test_the_protocols_are_kserves(world, path):
    assert world.request("GET", path).json() == {"kserve": path}


@pytest.mark.parametrize("path", ["/health", "/metrics", "/openapi.json", "/v3", "/v1x", "/recommend/"])
def test_the_rest_is_ours(path):
    assert not is_kserve(path)


SHUT = ["/v2/repository/index", "/v2/repository/models/recipes/load", "/v2/repository/models/recipes/unload",
        "/v2/repository%2Fmodels/recipes/unload", "/v1/models/recipes:explain"]  # fmt: skip


@pytest.mark.parametrize("path", SHUT)
def test_administration_is_shut(world, path):
    answer = world.request("POST", path, content=b"{}", headers=JSON)

    assert answer.status_code == 403
    assert "controller" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/v1/models/recipes:predict", "/v2/models/recipes/infer", "/v1/models/explain"])
def test_predicting_is_not_shut(path):
    assert not is_shut(path)


def test_an_unknown_path_is_a_problem_404(world):
    assert_problem(world.request("GET", "/recomend"), 404, "not-found")


def test_a_wrong_method_is_a_problem_405_that_says_which_is_right(world):
    answer = world.request("GET", "/recommend")

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("size", [262_145, 10_000_000])
def test_a_large_body_is_a_problem_413(world, size):
    answer = world.request("POST", "/recommend", content=b"x" * size, headers=JSON)

    assert_problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"


def test_a_large_body_in_chunks_is_a_problem_413(world):
    async def chunks():
        for _ in range(300):
            yield b"x" * 1024

    assert_problem(world.request("POST", "/recommend", content=chunks(), headers=JSON), 413, "too-large")


def test_a_large_body_to_kserve_is_refused_as_kserve_refuses(world):
    answer = world.request("POST", "/v1/models/recipes:predict", content=b"x" * 300_000, headers=JSON)

    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_the_largest_body_allowed_is_read(make_world):
    world = make_world(max_body_bytes=1024)
    body = b'{"query": "soup"' + b" " * 1007 + b"}"

    assert len(body) == 1024
    assert world.request("POST", "/recommend", content=body, headers=JSON).status_code == 200


def test_a_client_that_waits_for_leave_to_send_too_much_does_not_get_it(world):
    sent, answer = converse(
        world.app,
        headers={"content-length": "10000000", "expect": "100-continue", **JSON},
        messages=[],
    )

    assert (sent, answer[0]["status"]) == (0, 413)


def test_a_body_that_does_not_come_is_a_problem_408(make_world):
    world = make_world(receive_seconds=0.05)

    _, answer = converse(
        world.app, headers=JSON, messages=[{"type": "http.request", "body": b'{"que', "more_body": True}]
    )

    assert answer[0]["status"] == 408


def test_a_client_that_goes_away_is_counted_and_answered_nothing(world):
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    _, answer = converse(world.app, headers=JSON, messages=messages)

    assert answer == []
    assert world.metrics['recipes_errors_total{kind="disconnected"}'] == 1


def test_more_requests_at_once_than_allowed_are_refused_before_they_are_read(make_world):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), max_requests=2, max_waiting=100)

    answers = world.requests_held([("POST", "/recommend", {"json": {"query": "wait"}})] * 6, held=2, gate=gate)

    assert [answer.status_code for answer in answers] == [429] * 4 + [200] * 2
    assert_problem(answers[0], 429, "overloaded")


def test_probes_pass_when_all_places_are_taken(make_world):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), max_requests=1)
    calls = [("POST", "/recommend", {"json": {"query": "wait"}}), ("GET", "/health", {}), ("GET", "/metrics", {})]

    answers = world.requests_held(calls, held=1, gate=gate)

    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "ünïcode"])
def test_a_request_id_unfit_for_a_log_is_replaced(world, given):
    answer = world.request("GET", "/health", headers={"x-request-id": given.encode()})

    assert answer.headers["x-request-id"] == "id-1"


def test_a_500_of_kserve_loses_its_text(world):
    world.kserve_answer = JSONResponse({"error": "KeyError : '/srv/secret'"}, status_code=500)

    answer = world.request("GET", "/v1/models/recipes")

    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert answer.json() == {"error": "see the log of the service for this request id"}


def test_a_503_of_kserve_keeps_its_text(world):
    world.kserve_answer = JSONResponse({"error": "Model with name recipes is not ready."}, status_code=503)

    assert world.request("GET", "/v1/models/recipes").json()["error"] == "Model with name recipes is not ready."


def test_an_exception_behind_the_door_is_logged_and_not_shown(world):
    world.kserve_answer = RuntimeError("password is hunter2")

    with structlog.testing.capture_logs() as lines:
        answer = world.request("GET", "/v1/models/recipes")

    assert (answer.status_code, "hunter2" in answer.text) == (500, False)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["request failed"]


def test_a_text_of_kserve_passes_unchanged(world):
    world.kserve_answer = PlainTextResponse("plain", headers={"x-kserve": "1"})

    answer = world.request("GET", "/")

    assert (answer.text, answer.headers["x-kserve"]) == ("plain", "1")


ROUTES = {
    "/recommend": "/recommend",
    "/models/recipes/production": "/models/{model}/production",
    "/v1/models/recipes:predict": "/v1/models/{model}:predict",
    "/v1/models/recipes": "/v1/models/{model}",
    "/v2/models/a%20b/infer": "/v2/models/{model}/infer",
    "/v2/health/ready": "/v2/health/ready",
    "/models/a/b/production": "other",
    "/wp-login.php": "other",
    "/recommend/../../etc/passwd": "other",
    "/\x00": "other",
    "/v2/models/x/versions/1/infer": "other",
    "": "other",
}


@pytest.mark.parametrize(("path", "route"), ROUTES.items())
def test_paths_have_a_bounded_set_of_names(path, route):
    assert route_of(path) == route


def test_paths_that_clients_make_up_do_not_make_metrics(world):
    for number in range(50):
        world.request("GET", f"/x{number}")

    names = [name for name in world.metrics if name.startswith("recipes_request_duration_seconds_count")]
    assert names == ['recipes_request_duration_seconds_count{route="other",status="404",version=""}']


def test_other_words_of_clients_make_no_other_series(world):
    def ask_everything(words):
        in_path = quote(words, safe="")
        headers = {"x-request-id": in_path, "x-model-version": in_path, "user-agent": in_path, "accept": in_path}
        body = {"query": words, "user_id": words, "filters": {"max_minutes": 30}}
        for method, path in (
            ("BREW", "/recommend"), ("GET", f"/{in_path}"), ("POST", f"/v1/models/{in_path}:predict"),
            ("POST", f"/v2/models/{in_path}/infer"), ("GET", f"/models/{in_path}/production"),
        ):  # fmt: skip
            world.request(method, path, json={words: words}, headers=headers)
        world.request("POST", "/recommend", json=body, headers=headers)
        world.request("POST", "/recommend", json={**body, "language": words}, headers=headers)
        world.request("POST", "/feedback", json={"recommendation_id": words, "clicked": [words]}, headers=headers)

    def series_after(number):
        for words in ('x"} evil', "\nrecipes_evil", "evil" * 500, "\u202eevil\x00", "evil/../..", "", "ñandú"):
            ask_everything(f"{words}{number}" if words else "")
        return set(world.metrics)

    first = series_after(1)
    assert series_after(2) == first
    assert not any("evil" in series or "andú" in series for series in first)


def test_of_many_versions_the_last_few_have_series(world):
    for number in range(20):
        world.slot.swap(fake_model(version=f"1.0.{number}"))
        world.post("/recommend", {"query": "soup"})
        world.request("GET", "/metrics")
    versions = {version for series in world.metrics for version in re.findall(r'version="([^"]+)"', series)}
    assert versions == {f"1.0.{number}" for number in range(14, 20)}


def test_one_line_tells_all_about_a_request_but_not_its_text(world):
    with structlog.testing.capture_logs() as lines:
        world.post("/recommend", {"query": "my private diet", "user_id": "jane@example.org"})

    (line,) = lines
    told = {
        "event": "request", "route": "/recommend", "status": 200, "model": "recipes", "version": "1.0.0",
        "language": "en", "queries": 1, "hits": 10,
    }  # fmt: skip
    assert line.items() >= told.items()
    assert line["recommendation_ids"] == ["1.0.0~id-2"]
    assert not {"private", "jane"} & set(repr(line).replace("@", " ").replace("'", " ").split())


@pytest.mark.parametrize(("path", "level"), [("/health", "debug"), ("/metrics", "debug"), ("/models", "warning")])
def test_probes_are_quiet_and_failures_are_not(world, path, level):
    with structlog.testing.capture_logs() as lines:
        world.request("GET", path)

    assert [line["log_level"] for line in lines if line["event"] == "request"] == [level]


def converse(app, *, headers, messages):
    """Speak ASGI by hand: return how many of `messages` the application took, and what it sent.

    After the messages nothing more comes, as from a client that hangs.
    """
    taken = []
    sent = []

    async def receive():
        if len(taken) < len(messages):
            taken.append(messages[len(taken)])
            return taken[-1]
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/recommend", "raw_path": b"/recommend", "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return len(taken), sent
