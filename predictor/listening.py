"""The sockets that the process listens on: each of its addresses several times over."""

from __future__ import annotations

import socket

# uvloop takes one connection from each in a turn of the loop (libuv since 1.46), asyncio's own loop all that wait. In a
# storm turns are long, and clients that are not answered open new connections: those waited for seconds. A duplicate of
# a socket is one more to uvloop and the same to the kernel. More of them are more calls in vain for each that comes.
A_TURN = 8


def listening(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of `host` and return its sockets, `A_TURN` of each.

    Raises OSError.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound = [socket.create_server(address, family=family) for family, _, _, _, address in dict.fromkeys(found)]
    return [each for first in bound for each in (first, *(first.dup() for _ in range(A_TURN - 1)))]
