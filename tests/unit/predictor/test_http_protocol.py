"""What our protocol tells the application beside the request, and what it spares uvicorn."""

from __future__ import annotations

import asyncio
import logging

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from predictor.body import ARRIVED, Limits, read_body
from predictor.http_protocol import BoundedHttpProtocol
from predictor.problems import Refused
from tests.builders.raw_http import Connection, post

REQUEST = b"POST /recommend HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"


class Transport(asyncio.Transport):
    """A connection on which nobody listens."""

    def write(self, data):
        pass

    def close(self):
        pass

    def is_closing(self):
        return False


class Open:
    """A gate through which everything goes."""

    def holds(self, target):
        return False


class Broken:
    """A gate that does not keep its word."""

    def holds(self, target):
        return True

    async def answer(self, target, headers, body, send):
        raise RuntimeError("broken")


def test_a_gate_that_fails_ends_the_connection_and_is_told(caplog):
    caplog.set_level(logging.WARNING, logger="uvicorn.access")  # else it becomes a request

    async def connection():
        config = Config(None, log_config=None, ws="none", proxy_headers=False, lifespan="off")
        config.loaded_app = None
        protocol = BoundedHttpProtocol(config, ServerState(), {}, head_seconds=5, gate=Broken())
        transport = Connection()
        protocol.connection_made(transport)
        protocol.data_received(post(b"{}"))
        await asyncio.gather(*protocol.tasks, return_exceptions=True)
        await asyncio.sleep(0)
        return transport

    transport = asyncio.run(connection())

    assert (transport.sent, transport.closed) == (b"", True)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["broken"]


def arrived_when_called(*pieces: bytes) -> list[bool]:
    """Whether each request of a connection was known to be whole when the application was called."""
    known = []

    async def application(scope, receive, send):
        known.append(ARRIVED in scope.get("extensions", {}))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def connection():
        config = Config(application, log_config=None, ws="none", proxy_headers=False)
        config.load()
        protocol = BoundedHttpProtocol(config, ServerState(), {}, head_seconds=5, gate=Open())
        protocol.connection_made(Transport())
        for piece in pieces:
            protocol.data_received(piece)
            await asyncio.gather(*protocol.tasks)
        protocol.connection_lost(None)

    asyncio.run(connection())
    return known


@pytest.mark.parametrize(
    ("pieces", "known"),
    [
        ((REQUEST,), [True]),
        ((REQUEST[:-2], REQUEST[-2:]), [False]),
        ((REQUEST[:20], REQUEST[20:]), [True]),
        ((REQUEST, REQUEST), [True, True]),
        ((REQUEST[:-2], REQUEST[-2:] + REQUEST), [False, True]),
        ((b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",), [True]),
    ],
    ids=["whole", "half a body", "half a head", "one after the other", "half and whole", "no body"],
)
def test_the_application_is_told_that_a_request_is_whole(pieces, known):
    assert arrived_when_called(*pieces) == known


@pytest.mark.parametrize("known", [{}, {ARRIVED: {}}], ids=["on its way", "arrived"])
def test_a_body_is_the_same_and_has_the_same_limit_either_way(known):
    scope, limits = {"extensions": known}, Limits(body_bytes=5, body_seconds=5, requests=1)

    def read(*chunks):
        messages = [{"body": chunk, "more_body": chunk is not chunks[-1]} for chunk in chunks]

        async def receive():
            return {"type": "http.request", **messages.pop(0)}

        return asyncio.run(read_body(scope, receive, {}, limits))

    assert read(b"he", b"llo") == b"hello"
    with pytest.raises(Refused, match="5 bytes at most"):
        read(b"hello", b"!")


@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 1), (logging.WARNING, 0)])
def test_uvicorns_access_log_has_the_level_that_is_set(caplog, level, lines):
    caplog.set_level(level, logger="uvicorn.access")
    arrived_when_called(REQUEST)
    assert len([each for each in caplog.records if each.name == "uvicorn.access"]) == lines


class Clock:
    """A loop whose time stands still until the test moves it."""

    def __init__(self, loop):
        self.loop, self.now, self.timers = loop, 0.0, []

    def __getattr__(self, name):
        return getattr(self.loop, name)

    def time(self):
        return self.now

    def call_later(self, seconds, callback):
        timer = [self.now + seconds, callback]
        self.timers.append(timer)
        return Cancels(self.timers, timer)

    def move(self, seconds):
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        for timer in due:
            self.timers.remove(timer)
            timer[1]()


class Cancels:
    def __init__(self, timers, timer):
        self.timers, self.timer = timers, timer

    def cancel(self):
        if self.timer in self.timers:
            self.timers.remove(self.timer)


class Closable(Transport):
    def __init__(self):
        super().__init__()
        self.closed = False

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def kept_alive(scenario):
    """Run `scenario` on a connection that is closed when nothing comes for 60 s; of `/slow` comes none."""

    async def application(scope, receive, send):
        if scope["path"] == "/slow":
            await asyncio.Event().wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def connection():
        config = Config(application, log_config=None, ws="none", proxy_headers=False, timeout_keep_alive=60)
        config.load()
        clock, transport = Clock(asyncio.get_running_loop()), Closable()
        protocol = BoundedHttpProtocol(config, ServerState(), {}, _loop=clock, head_seconds=5, gate=Open())
        protocol.connection_made(transport)

        async def ask(path="/recommend"):
            protocol.data_received(REQUEST.replace(b"/recommend", path.encode()))
            await asyncio.wait(protocol.tasks, timeout=0)
            await asyncio.sleep(0)

        await scenario(ask, clock, transport)
        protocol.connection_lost(None)
        assert not clock.timers, "nothing keeps what is over"
        for task in protocol.tasks:
            task.cancel()

    asyncio.run(connection())


def test_a_connection_is_closed_so_long_after_its_last_answer():
    async def scenario(ask, clock, transport):
        for _ in range(3):
            await ask()
            assert len(clock.timers) == 1, "one for all of its requests"
            clock.move(50)
        assert not transport.closed
        clock.move(9)
        assert not transport.closed
        clock.move(1)
        assert transport.closed

    kept_alive(scenario)


def test_a_connection_stays_while_a_request_is_answered():
    async def scenario(ask, clock, transport):
        await ask()
        await ask("/slow")
        clock.move(1000)
        assert not transport.closed

    kept_alive(scenario)
