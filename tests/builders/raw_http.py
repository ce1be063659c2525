"""Requests as the bytes that they are, over connections without a network, to a service in process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.server import ServerState

from predictor.http_protocol import BoundedHttpProtocol

if TYPE_CHECKING:
    from tests.builders.predictor_world import World


def post(body: bytes, path: str = "/recommend", *headers: str) -> bytes:
    """A request that is JSON."""
    lines = [f"POST {path} HTTP/1.1", "host: x", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class Connection(asyncio.Transport):
    """A client's end: what it was sent, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    @property
    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of all that was sent, which is one answer."""
        head, body = self.sent.split(b"\r\n\r\n", 1)
        status, *headers = head.decode().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in headers), body


class RawServer:
    """What listens before a world's service, and how often that was called. Within a loop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = 0
        app = world.app

        async def counting(scope, receive, send):
            self.calls += 1
            await app(scope, receive, send)

        self._config = Config(counting, log_config=None, ws="none", proxy_headers=False)
        self._config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"server", b"test")]

    def connect(self) -> tuple[Connection, BoundedHttpProtocol]:
        connection = Connection()
        protocol = BoundedHttpProtocol(self._config, self.state, {}, head_seconds=5, gate=self.world.service.gate)
        protocol.connection_made(connection)
        return connection, protocol

    def send(self, *pieces: bytes) -> Connection:
        """Send over a connection of its own, and return it."""
        connection, protocol = self.connect()
        for piece in pieces:
            protocol.data_received(piece)
        return connection
