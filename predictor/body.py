"""Reading a request's body within limits of size and time, before anything else is done for the request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from predictor.problems import Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope

# Read and thrown away of a body that is too large: a client that is cut off while it sends sees no answer at all.
_DISCARDED = 32 << 20
_CLOSE = {"connection": "close"}
# Among the extensions of a scope (ASGI): the server has the whole request, and `receive` will wait for nothing.
ARRIVED = "recipes.request.arrived"


class ClientGone(Exception):  # noqa: N818 - reads as what happened
    """The client closed the connection before its request was complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one process takes: bytes of a body, seconds for it to arrive, requests at once."""

    body_bytes: int
    body_seconds: float
    requests: int


async def read_body(scope: Scope, receive: Receive, headers: Mapping[str, str], limits: Limits) -> bytes:
    """Return the whole body, chunked or not; `headers` are those of `scope`.

    Raises Refused for one that is too large or too slow, ClientGone.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.body_bytes and "expect" in headers:
        # This client waits for leave to send, and does not get it.
        raise _too_large(limits)
    if ARRIVED in scope.get("extensions", ()):
        body, fits = await _read(receive, limits.body_bytes)  # which waits for nothing, so it needs no clock
    else:
        body, fits = await _read_in_time(receive, limits)
    if not fits:
        raise _too_large(limits)
    return body


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that begins with the body that was read from `receive`."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class WholeRequest(Request):
    """A request behind `replay`: its body is one message, which Starlette would gather from a stream of chunks."""

    async def body(self) -> bytes:
        """Return the body."""
        if not hasattr(self, "_body"):
            self._body = (await self.receive())["body"]
        return self._body


def _too_large(limits: Limits) -> Refused:
    detail = f"the body may have {limits.body_bytes} bytes at most"
    return Refused(Problem(kind="too-large", detail=detail, headers=_CLOSE))


async def _read_in_time(receive: Receive, limits: Limits) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read(receive, limits.body_bytes)
    except TimeoutError:
        detail = f"the body did not arrive within {limits.body_seconds:g} s"
        raise Refused(Problem(kind="timeout", detail=detail, headers=_CLOSE)) from None


async def _read(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """Return the body and whether it is within `limit`; of a larger one nothing is kept."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= _DISCARDED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body", False)
        if size > limit:
            chunks.clear()
        else:
            chunks.append(chunk)
    return b"".join(chunks), size <= limit
