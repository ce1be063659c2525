"""A question is answered without becoming a request, and nobody can tell; all else becomes one."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from threading import Event

import numpy as np
import orjson
import pytest
import structlog

from mlops.feedback_spool import DailySpool
from mlops.monitoring.traffic_log import TrafficLog
from mlops.shown_log import ShownLog
from predictor.ports import Ports
from tests.builders.raw_http import RawServer, post
from tests.fakes.recommender import fake_model

SOUP = b'{"query": "soup"}'
WAIT = b'{"query": "wait"}'
MINE = b'{"query": "soup", "user_id": "u-42"}'
# Ids, and what a timer that steps at each call says.
CHANGING = re.compile(rb'id-\d+|"latency_ms":[\d.]+|(?<=content-length: )\d+')


@pytest.fixture(autouse=True)
def no_access_log(caplog):
    """As the process has it: what uvicorn is to write a line of becomes a request."""
    caplog.set_level(logging.WARNING, logger="uvicorn.access")


async def answered(server, *pieces):
    connection = server.send(*pieces)
    await asyncio.gather(*server.state.tasks)
    await asyncio.sleep(0)
    return connection


def ask(world, *requests, before=SOUP):
    """The connections of `requests`, each in pieces, after `before` was answered; and how many became requests."""

    async def within():
        server = RawServer(world)
        await answered(server, post(before))
        server.calls = 0
        return [await answered(server, *pieces) for pieces in requests], server.calls

    return asyncio.run(within())


def halves(request, cut=-3):
    return request[:cut], request[cut:]


def test_what_is_remembered_is_answered_without_an_application(world):
    (connection,), calls = ask(world, [post(SOUP)])

    status, headers, body = connection.answer
    assert (status, calls) == (200, 0)
    assert headers["x-model-version"] == orjson.loads(body)["version"] == "1.0.0"
    assert int(headers["content-length"]) == len(body)
    assert (world.metrics["recipes_remembered_answers_total"], connection.closed) == (1, False)


@pytest.mark.parametrize("more", [(), ("x-request-id: mine",), ("connection: close",)], ids=["plain", "an id", "close"])
def test_the_answer_is_that_of_a_request_to_the_byte(world, more):
    request = post(MINE, "/recommend", *more)
    (at_once, as_request), calls = ask(world, [request], halves(request))

    assert calls == 1
    assert CHANGING.sub(b"", at_once.sent) == CHANGING.sub(b"", as_request.sent)
    assert at_once.closed == as_request.closed == ("connection: close" in more)


def without(names, rows):
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def noted(make_world, folder, pieces):
    """All that a question and its remembered answer leave behind, but for ids and times, by where."""
    traffic, heard = TrafficLog(), []
    shown = ShownLog(DailySpool(folder, lambda: 1_800_000_000.0, name="shown", fsync=False))
    world = make_world(ports=Ports(traffic=traffic, heard=heard.extend), shown=shown)
    with structlog.testing.capture_logs() as lines:
        ask(world, pieces)
    shown.close()
    kept = [orjson.loads(line) for file in folder.glob("*.jsonl") for line in file.read_bytes().splitlines()]
    return {
        "log": without({"ms", "request_id", "recommendation_ids"}, lines),
        "metrics": {
            name: value
            for name, value in world.metrics.items()
            if not re.search(r"_sum|_created|_request_duration_seconds_bucket", name)
        },
        "statistics": np.nan_to_num(world.service.collector.newest(60).rows[:, 3:], nan=-1.0).tolist(),
        "traffic": [(row.version, row.user, row.hits, row.top_scores) for row in traffic.since("1.0.0", 0)],
        "heard": heard,
        "shown": without({"recommendation_id"}, kept),
    }


def test_it_leaves_behind_what_a_request_does(make_world, tmp_path):
    traced = post(MINE, "/recommend", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    at_once = noted(make_world, tmp_path / "at once", [traced])

    assert at_once == noted(make_world, tmp_path / "as a request", halves(traced))
    assert at_once["log"][1]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert [len(at_once[where]) for where in ("log", "statistics", "traffic", "heard", "shown")] == [2] * 5
    assert at_once["shown"][1]["user"] == at_once["log"][1]["user"] != "u-42"


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        (halves(post(SOUP)), 200),
        (halves(post(SOUP), -len(SOUP)), 200),
        ([post(SOUP, "/recommend?x=1")], 200),
        ([post(SOUP).replace(b"HTTP/1.1", b"HTTP/1.0")], 200),
        ([post(SOUP).replace(b"application/json", b"text/plain")], 415),
        ([post(b'{"query": 1}')], 422),
        ([post(b'{"query"')], 400),
        ([post(SOUP + b" " * 2000)], 413),
    ],
    ids=["two pieces", "a body by itself", "another address", "HTTP/1.0",
         "not said to be JSON", "invalid", "no JSON", "too large"],
)  # fmt: skip
def test_all_else_is_a_request(make_world, pieces, status):
    (connection,), calls = ask(make_world(max_body_bytes=1024), pieces)

    assert (connection.answer[0], calls) == (status, 1)


@pytest.mark.parametrize("body", [b'{"query": "stew"}', b'{"query": "soup", "k": 3}', b'{"query": "nothing"}'])
def test_what_is_not_remembered_is_computed_without_an_application(make_world, body):
    (at_once,), calls = ask(make_world(), [post(body)])
    (as_request,), calls_of_request = ask(make_world(), halves(post(body)))

    assert (at_once.answer[0], calls, calls_of_request) == (200, 0, 1)
    assert CHANGING.sub(b"", at_once.sent) == CHANGING.sub(b"", as_request.sent)


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [("boom", 500, "internal"), ("flaky", 503, "unreachable"), ("wait", 504, "deadline")],
)
def test_what_fails_is_told_as_a_request_is(make_world, query, status, kind):
    body = post(orjson.dumps({"query": query}))
    gate = Event()
    worlds = [make_world(served=fake_model(gate=gate), deadline_seconds=0.05) for _ in range(2)]
    with structlog.testing.capture_logs() as lines:
        (at_once,), calls = ask(worlds[0], [body])
    (as_request,), _ = ask(worlds[1], halves(body))
    gate.set()

    assert (at_once.answer[0], calls) == (status, 0)
    assert b"secret" not in at_once.sent
    assert CHANGING.sub(b"", at_once.sent) == CHANGING.sub(b"", as_request.sent)
    assert (lines[-1]["status"], lines[-1]["error"]) == (status, kind)
    assert [line["event"] for line in lines[1:-1]] == ["request failed"] * (status == 500)
    assert all(world.metrics[f'recipes_errors_total{{kind="{kind}"}}'] == 1 for world in worlds)


@pytest.fixture
def held(make_world):
    """Run a scenario with a server whose only thread waits until a gate is opened where a question says so."""
    gate = Event()
    world = make_world(served=fake_model(gate=gate), workers=1, max_waiting=2)

    def run(scenario):
        async def within():
            server = RawServer(world)
            try:
                return await scenario(server, gate)
            finally:
                gate.set()
                await asyncio.gather(*server.state.tasks, return_exceptions=True)

        with structlog.testing.capture_logs() as lines:
            return asyncio.run(within()), lines

    return run


async def begun(server, *requests):
    """The connection of requests that were read, of which the first is being computed."""
    connection, protocol = server.connect()
    protocol.data_received(b"".join(requests))
    await asyncio.sleep(0)
    assert server.world.service.workers.taken
    return connection, protocol


@pytest.mark.parametrize(
    "behind", [post(SOUP), b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["a question", "another"]
)
@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_asked_behind_it_is_answered_behind_it(held, behind, pieces):
    async def scenario(server, gate):
        connection, protocol = await begun(server, post(WAIT), *[behind][: pieces == 1])
        if pieces == 2:
            protocol.data_received(behind)
        await asyncio.sleep(0)
        before = connection.sent
        gate.set()
        while server.state.tasks:
            await asyncio.gather(*server.state.tasks)
            await asyncio.sleep(0)
        return before, connection

    (before, connection), _ = held(scenario)

    assert (before, connection.closed) == (b"", False)
    first, second = connection.sent.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200")
    assert b'"query_en":"wait"' in first
    assert second.startswith(b"200")
    assert b'"query_en":"wait"' not in second


def test_of_a_client_that_goes_away_nothing_stays(held):
    async def scenario(server, gate):
        await begun(server, post(WAIT))
        second = await begun(server, post(WAIT))
        taken = server.world.service.workers.taken
        second[0].close()
        second[1].connection_lost(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return taken, server.world.service.workers.taken, second[0].sent

    (before, after, sent), lines = held(scenario)

    assert (before, after, sent) == (2, 1, b"")
    assert [(line["status"], line.get("error")) for line in lines] == [(499, "disconnected"), (200, None)]


def test_who_stops_the_server_waits_for_the_answer(held):
    async def scenario(server, gate):
        connection, protocol = await begun(server, post(WAIT))
        protocol.shutdown()
        closed = connection.closed
        gate.set()
        await asyncio.gather(*server.state.tasks)
        await asyncio.sleep(0)
        return closed, connection

    (before, connection), _ = held(scenario)

    assert (before, connection.closed) == (False, True)
    assert (connection.answer[0], connection.answer[1]["connection"]) == (200, "close")


def test_who_waits_no_longer_for_it_hangs_up(held):
    """As uvicorn does past its grace period."""

    async def scenario(server, gate):
        connection, _ = await begun(server, post(WAIT))
        for task in server.state.tasks:
            task.cancel()
        await asyncio.gather(*server.state.tasks, return_exceptions=True)
        await asyncio.sleep(0)
        return connection

    connection, lines = held(scenario)

    assert (connection.sent, connection.closed) == (b"", True)
    assert [line["status"] for line in lines] == [499]


def test_what_breaks_at_the_gate_is_told_to_the_request(world, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(world.slot, "choose", broken)
    (connection,), calls = ask(world, [post(SOUP)])

    assert (connection.answer[0], calls) == (500, 1)
    assert b"secret" not in connection.sent


def test_a_request_takes_no_less_than_its_answer(world):
    with structlog.testing.capture_logs() as lines:
        (connection,), _ = ask(world, [post(SOUP)])

    assert lines[-1]["ms"] >= orjson.loads(connection.answer[2])["latency_ms"] > 0


def test_while_nothing_is_served_a_question_is_a_request(world):
    async def within():
        world.slot.clear()
        server = RawServer(world)
        return (await answered(server, post(SOUP))).answer[0], server.calls

    assert asyncio.run(within()) == (503, 1)


def test_with_an_access_log_it_is_a_request(world, caplog):
    caplog.set_level(logging.INFO, logger="uvicorn.access")

    (connection,), calls = ask(world, [post(SOUP)])

    assert (connection.answer[0], calls) == (200, 1)


def test_a_question_is_read_once(world, monkeypatch):
    """What the gate has read of a question that it does not know goes along with the request."""
    chosen = itertools.count()
    choose = world.slot.choose
    monkeypatch.setattr(world.slot, "choose", lambda user: (next(chosen), choose(user))[1])

    ask(world, before=SOUP)

    assert next(chosen) == 1


def test_over_one_connection_answers_come_in_the_order_of_their_questions(world):
    async def within():
        server = RawServer(world)
        await answered(server, post(SOUP))
        connection, protocol = server.connect()
        protocol.data_received(post(SOUP) + post(b'{"query": "stew"}') + post(SOUP))
        protocol.data_received(post(SOUP))
        while server.state.tasks:
            await asyncio.gather(*server.state.tasks)
        return re.findall(rb'"query_en":"(\w+)"', connection.sent)

    assert asyncio.run(within()) == [b"soup", b"stew", b"soup", b"soup"]
