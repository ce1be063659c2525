"""Many connections that come at once are taken in few turns of the loop."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import ExitStack

import pytest
import uvloop

from predictor.listening import A_TURN, listening

pytestmark = pytest.mark.service

CLIENTS = 64


async def taken_in(sockets):
    """How many of `CLIENTS` connections are taken in each turn."""
    loop, turns, made = asyncio.get_running_loop(), 0, []

    class Taken(asyncio.Protocol):
        def connection_made(self, transport):
            made.append(turns)
            transport.close()

    servers = [await loop.create_server(Taken, sock=each) for each in sockets]
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(sockets[0].getsockname()))
        while len(made) < CLIENTS:
            turns += 1
            await asyncio.sleep(0)
    for server in servers:
        server.close()
        await server.wait_closed()
    return Counter(made)


def test_a_turn_takes_as_many_as_there_are_duplicates():
    sockets = listening("127.0.0.1", 0)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            by_turn = runner.run(taken_in(sockets))
    finally:
        for each in sockets:
            each.close()

    assert set(by_turn.values()) == {A_TURN}


def test_every_address_of_a_host_is_listened_on():
    sockets = listening("localhost", 0)
    try:
        families = Counter(each.family for each in sockets)
    finally:
        for each in sockets:
            each.close()

    wanted = {family for family, *_ in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    assert families == dict.fromkeys(wanted, A_TURN)


def test_an_address_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        listening(*taken.getsockname())
