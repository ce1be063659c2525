"""Questions that find no place are refused before they become requests; everything else becomes one."""

from __future__ import annotations

import asyncio
import logging
from threading import Event

import orjson
import pytest
import structlog

from predictor.turning_away import finds_no_place
from tests.builders.raw_http import RawServer, post
from tests.fakes.recommender import fake_model

HELD = b'{"query": "wait"}'
OTHER = b'{"query": "soup"}'


class Storm(RawServer):
    """A predictor whose only thread is held by a question, and whose queue is as long as it may be: empty."""

    def __init__(self, world, gate):
        super().__init__(world)
        self.gate = gate

    async def __aenter__(self):
        self.first = self.connect()
        self.first[1].data_received(post(HELD))
        await asyncio.sleep(0)
        assert self.world.service.workers.taken == 1
        self.held = set(self.state.tasks)
        self.calls = 0
        return self

    async def __aexit__(self, *_):
        self.gate.set()
        await asyncio.gather(*self.state.tasks)

    async def answered(self):
        """Wait until all requests have their answers but the one that holds the thread."""
        await asyncio.gather(*(self.state.tasks - self.held))


@pytest.fixture(autouse=True)
def no_access_log(caplog):
    """As the process has it: what uvicorn is to write a line of becomes a request."""
    caplog.set_level(logging.WARNING, logger="uvicorn.access")


@pytest.fixture
def storm(make_world):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), workers=1, max_waiting=0)

    def run(scenario, remembered=()):
        async def within():
            async with Storm(world, gate) as storm:
                return await scenario(storm)

        for body in remembered:
            world.request("POST", "/recommend", content=body, headers={"content-type": "application/json"})
        return asyncio.run(within())

    run.world = world
    return run


def test_a_question_is_refused_while_it_is_read(storm):
    async def scenario(storm):
        return storm.send(post(OTHER)).answer, storm.calls

    (status, headers, body), calls = storm(scenario)

    assert (status, calls) == (429, 0), "no application is called"
    assert headers.items() >= {"retry-after": "1", "content-type": "application/problem+json", "server": "test"}.items()
    assert int(headers["content-length"]) == len(body)
    problem = orjson.loads(body)
    assert problem["type"] == "urn:recipe-recommender:problem:overloaded"
    assert (problem["instance"], problem["request_id"]) == ("/recommend", headers["x-request-id"])


@pytest.mark.parametrize("path", ["/v1/models/recipes:predict", "/v2/models/recipes/infer"])
def test_kserves_clients_are_refused_as_they_expect(storm, path):
    async def scenario(storm):
        return storm.send(post(b"{}", path, "x-request-id: mine")).answer

    status, headers, body = storm(scenario)

    assert (status, headers["retry-after"], headers["x-request-id"]) == (429, "1", "mine")
    assert (list(orjson.loads(body)), int(headers["content-length"])) == (["error"], len(body))


def test_every_refusal_is_counted_and_told_in_a_line(storm):
    async def scenario(storm):
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                storm.send(post(OTHER, "/recommend", "x-request-id: mine"))
        return lines

    lines = storm(scenario)

    metrics = storm.world.metrics
    assert metrics['recipes_errors_total{kind="overloaded"}'] == 3
    assert metrics['recipes_request_duration_seconds_count{route="/recommend",status="429",version=""}'] == 3
    told = {"event": "request", "log_level": "warning", "status": 429, "error": "overloaded", "request_id": "mine"}
    assert [line.items() >= told.items() for line in lines] == [True] * 3


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([post(OTHER)[:-3], post(OTHER)[-3:]], 429),
        ([post(b'{"query": 1}')], 422),
        ([post(b'{"query"')], 400),
        ([post(OTHER).replace(b"application/json", b"text/plain")], 415),
        ([post(b"{}", "/feedback")], 422),
        ([post(OTHER, "/recommend?x=1")], 429),
        ([b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"], 200),
        ([b"GET /recommend HTTP/1.1\r\nhost: x\r\n\r\n"], 405),
        ([post(OTHER, "/recommend", "expect: 100-continue")[: -len(OTHER)], OTHER], 429),
        ([post(OTHER).replace(b"HTTP/1.1", b"HTTP/1.0")], 429),
    ],
    ids=["in two pieces", "invalid", "no JSON", "not said to be JSON", "feedback", "an address of another form", "a probe", "a wrong method",
         "asks for leave to send", "HTTP/1.0"],
)  # fmt: skip
def test_all_else_is_a_request(storm, pieces, status):
    async def scenario(storm):
        connection = storm.send(*pieces)
        await storm.answered()
        return connection, storm.calls

    connection, calls = storm(scenario)
    connection.sent = connection.sent.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")

    assert (connection.answer[0], calls) == (status, 1)


def test_what_is_remembered_is_answered_in_a_storm(storm):
    async def scenario(storm):
        return storm.send(post(OTHER)).answer[0], storm.send(post(b'{"query": "another"}')).answer[0]

    assert storm(scenario, remembered=[OTHER]) == (200, 429)


def test_with_an_access_log_every_refusal_is_a_request(storm, caplog):
    caplog.set_level(logging.INFO, logger="uvicorn.access")

    async def scenario(storm):
        connection = storm.send(post(OTHER))
        await storm.answered()
        return connection.answer[0], storm.calls

    assert storm(scenario) == (429, 1)


def test_a_connection_stays_as_its_client_wants(storm):
    async def scenario(storm):
        stays, goes = storm.send(post(OTHER)), storm.send(post(OTHER, "/recommend", "connection: close"))
        return stays, goes

    stays, goes = storm(scenario)

    assert (stays.closed, goes.closed) == (False, True)
    assert "connection" not in stays.answer[1]
    assert goes.answer[1]["connection"] == "close"


def test_one_after_the_other_over_one_connection(storm):
    async def scenario(storm):
        connection, protocol = storm.connect()
        protocol.data_received(post(OTHER) + post(OTHER))
        protocol.data_received(post(OTHER))
        refused = connection.sent.count(b"HTTP/1.1 429")
        storm.gate.set()
        await asyncio.gather(*storm.held)
        protocol.data_received(post(OTHER))
        await storm.answered()
        return refused, connection.sent.count(b"HTTP/1.1 200"), protocol.timeout_keep_alive_task is not None

    assert storm(scenario) == (3, 1, True)


def test_behind_a_request_that_is_answered_nothing_overtakes_it(storm):
    async def scenario(storm):
        connection, protocol = storm.first
        protocol.data_received(post(OTHER))
        before = connection.sent
        storm.gate.set()
        await asyncio.gather(*storm.held)
        await storm.answered()
        return before, connection.sent.count(b"HTTP/1.1 200"), connection.sent.count(b"HTTP/1.1")

    assert storm(scenario) == (b"", 2, 2)


def test_what_breaks_off_in_the_middle_is_no_request(storm):
    async def scenario(storm):
        chunked = post(b"", "/recommend", "transfer-encoding: chunked").replace(b"content-length: 0\r\n", b"")
        return storm.send(chunked + b"ZZ\r\n"), storm.calls

    connection, calls = storm(scenario)

    assert (connection.answer[0], connection.closed, calls) == (400, True, 0)


@pytest.mark.parametrize(
    ("taken", "coming", "refused"),
    [
        (34, 0, True), (35, 0, True), (33, 0, False), (33, 1, True), (26, 7, False), (26, 8, True),
        (17, 17, True), (16, 18, False), (0, 100, False),
    ],
)  # fmt: skip
def test_who_is_on_the_way_counts_where_overload_is_near(taken, coming, refused):
    assert finds_no_place(taken=taken, coming=coming, limit=34) is refused


def test_of_many_that_are_read_in_one_turn_only_those_are_taken_that_find_a_place(make_world):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), workers=1, max_waiting=2)

    async def scenario():
        async with Storm(world, gate) as storm:
            storm.send(post(HELD))
            await asyncio.sleep(0)
            answers = [storm.send(post(HELD)).sent[9:12] for _ in range(4)]
            await asyncio.sleep(0)
            return answers, world.service.workers.taken

    assert asyncio.run(scenario()) == ([b"", b"429", b"429", b"429"], 3)


def test_after_a_refusal_fewer_may_wait_for_a_moment(make_world):
    gate = Event()
    world = make_world(served=fake_model(gate=gate), workers=1, max_waiting=2)

    async def scenario():
        async with Storm(world, gate) as storm:
            waiting = [storm.connect() for _ in range(2)]
            for _, protocol in waiting:
                protocol.data_received(post(HELD))
                await asyncio.sleep(0)
            whole, refused = world.service.workers.limit, storm.send(post(OTHER)).sent[9:12]
            await asyncio.sleep(0)
            waiting[1][1].connection_lost(None)
            for _ in range(5):
                await asyncio.sleep(0)
            assert world.service.workers.taken == 2
            return whole, refused, world.service.workers.limit, storm.send(post(OTHER)).sent[9:12]

    assert asyncio.run(scenario()) == (3, b"429", 2, b"429")
