"""The sockets that the process listens on: each address several times over."""

from __future__ import annotations

import socket

# uvloop takes one connection a turn of the loop from each socket (libuv since 1.46). Clients that are not answered open
# new ones, so in a storm, when turns are long, thousands waited for seconds. Of a duplicate it takes one more.
_A_TURN = 16


def listening(host: str, port: int) -> list[socket.socket]:
    """Bind every address of `host` and return its sockets, each `_A_TURN` times.

    Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound = [socket.create_server(address[:2], family=family) for family, _, _, _, address in dict.fromkeys(found)]
    return [each for first in bound for each in (first, *(first.dup() for _ in range(_A_TURN - 1)))]
