"""What is written reaches the client in its order and at the latest at the loop's next turn, a head with its body."""

from __future__ import annotations

import pytest

from predictor.http_protocol import HeadWithBody

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"


class Loop:
    """Runs what is asked for when the test says."""

    def __init__(self):
        self.soon = []

    def call_soon(self, work):
        self.soon.append(work)

    def turn(self):
        for work in self.soon:
            work()
        self.soon.clear()


class Transport:
    def __init__(self):
        self.sent = []

    def write(self, data):
        self.sent.append(data)

    def close(self):
        self.sent.append("closed")

    def is_closing(self):
        return "closed" in self.sent


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def transport():
    return Transport()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ((HEAD, b"hello"), [HEAD + b"hello"]),
        ((HEAD, b"he", b"llo"), [HEAD + b"he", b"llo"]),
        ((HEAD,), [HEAD]),
        ((HEAD, b""), [HEAD]),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"hello"), [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"hello"]),
        ((HEAD, b"hello", HEAD, b"again"), [HEAD + b"hello", HEAD + b"again"]),
        ((HEAD, b"x", b"HTTP/1.1 2 is how the body goes on"), [HEAD + b"x", b"HTTP/1.1 2 is how the body goes on"]),
    ],
    ids=["whole", "in chunks", "no body", "an empty body", "go on", "two answers", "a body like a head"],
)
def test_a_head_goes_with_its_body(written, sent, loop, transport):
    wrapped = HeadWithBody(transport, loop)
    for data in written:
        wrapped.write(data)
    loop.turn()
    assert transport.sent == sent


def test_closing_sends_what_waits(loop, transport):
    wrapped = HeadWithBody(transport, loop)
    wrapped.write(HEAD)
    wrapped.close()
    loop.turn()
    assert transport.sent == [HEAD, "closed"]
    assert wrapped.is_closing(), "all else is the transport's"
