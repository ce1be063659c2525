"""A question whose answer is remembered is answered while it is read, and nobody can tell; all else is a request."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re

import orjson
import pytest
import structlog

from mlops.feedback_spool import DailySpool
from mlops.monitoring.traffic_log import TrafficLog
from mlops.shown_log import ShownLog
from predictor.ports import Ports
from tests.builders.raw_http import RawServer, post

SOUP = b'{"query": "soup"}'
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
            name: value for name, value in world.metrics.items() if "_sum" not in name and "_created" not in name
        },
        "statistics": [sample[3:] for sample in world.service.collector.newest(60)],
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
        ([post(b'{"query": "stew"}')], 200),
        ([post(b'{"query": "soup", "k": 3}')], 200),
        (halves(post(SOUP)), 200),
        (halves(post(SOUP), -len(SOUP)), 200),
        ([post(SOUP, "/recommend?x=1")], 200),
        ([post(SOUP).replace(b"HTTP/1.1", b"HTTP/1.0")], 200),
        ([post(SOUP).replace(b"application/json", b"text/plain")], 415),
        ([post(b'{"query": 1}')], 422),
        ([post(b'{"query"')], 400),
        ([post(SOUP + b" " * 2000)], 413),
    ],
    ids=["another question", "another number", "two pieces", "a body by itself", "another address", "HTTP/1.0",
         "not said to be JSON", "invalid", "no JSON", "too large"],
)  # fmt: skip
def test_all_else_is_a_request(make_world, pieces, status):
    (connection,), calls = ask(make_world(max_body_bytes=1024), pieces)

    assert (connection.answer[0], calls) == (status, 1)


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
