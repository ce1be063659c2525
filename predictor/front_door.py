"""The ASGI front of the process: every HTTP request comes through here, KServe's and our own.

It gives each request an id, reads its body within limits, keeps KServe's administrative routes shut, hands the request
to KServe's application or to ours, and sees to it that no answer shows the text of an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from predictor.body import ClientGone, read_body, replay
from predictor.paths import is_kserve, is_shut, route_of
from predictor.problems import SEE_LOG, Problem, Refused, kserve_response, problem_of, problem_response
from predictor.request_record import request_id_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from predictor.body import Limits
    from predictor.request_record import RequestRecord
    from predictor.telemetry import Telemetry

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_DECLARES_BODY = frozenset({"content-length", "transfer-encoding"})

_log = structlog.stdlib.get_logger("app")


class FrontDoor:
    """The outermost application of ours: `kserve` behind it for the protocols, `api` for the rest."""

    def __init__(
        self, kserve: ASGIApp, *, api: ASGIApp, telemetry: Telemetry, limits: Limits, new_id: Callable[[], str]
    ) -> None:
        self._kserve = kserve
        self._api = api
        self._telemetry = telemetry
        self._limits = limits
        self._new_id = new_id
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope (ASGI 3)."""
        if scope["type"] != "http":
            await self._kserve(scope, receive, send)
            return
        path, method, headers = scope["path"], scope["method"], headers_of(scope["headers"])
        request_id = request_id_from(headers.get("x-request-id", ""), self._new_id)
        with self._telemetry.request(
            request_id=request_id, route=route_of(path), method=method, headers=headers
        ) as record:
            kserve = is_kserve(path, headers.get("accept", ""))
            reply = _Reply(send, record, kserve=kserve)
            try:
                # Probes and scrapes pass when all places are taken: that is when they matter.
                if method in _BODILESS and headers.keys().isdisjoint(_DECLARES_BODY):
                    await self._hand_on(scope, receive, headers, reply)
                else:
                    await self._in_a_place(scope, receive, headers, reply)
            except ClientGone:
                return
            except Exception as error:  # noqa: BLE001 - the last place before uvicorn, which would answer in plain text
                await _refuse(reply, scope, receive, error)

    async def _in_a_place(self, scope: Scope, receive: Receive, headers: Mapping[str, str], reply: _Reply) -> None:
        if self._inside >= self._limits.requests:
            detail = f"{self._limits.requests} requests are being read or answered; ask again in a second"
            refusal = {"retry-after": "1", "connection": "close"}
            raise Refused(Problem(kind="overloaded", detail=detail, headers=refusal))
        self._inside += 1
        try:
            await self._hand_on(scope, receive, headers, reply)
        finally:
            self._inside -= 1

    async def _hand_on(self, scope: Scope, receive: Receive, headers: Mapping[str, str], reply: _Reply) -> None:
        if is_shut(scope["path"]):
            detail = "models are managed by the controller, not over this port"
            raise Refused(Problem(kind="forbidden", detail=detail))
        body = await read_body(scope, receive, headers, self._limits)
        self._telemetry.received(reply.record)
        application = self._kserve if reply.kserve else self._api
        await application(scope, replay(body, receive), reply.send)
        if reply.hidden:
            raise Refused(Problem(kind="internal", detail=SEE_LOG))


def headers_of(sent: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request by their names in lower case; of several with one name the first.

    A plain dict: Starlette's `Headers` looks through all of them, and encodes the name, for each that is asked for.
    """
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(sent)}


class _Reply:
    """The way back to the client: notes the status and adds headers.

    A 500 of `kserve` is swallowed: it puts the text of exceptions into it.
    """

    def __init__(self, send: Send, record: RequestRecord, *, kserve: bool) -> None:
        self._send = send
        self._hide_500 = kserve
        self.kserve = kserve
        self.record = record
        self.started = False
        self.hidden = False

    async def send(self, message: Message) -> None:
        """Pass one ASGI message on."""
        if message["type"] == "http.response.start":
            if self._hide_500 and message["status"] == 500:  # noqa: PLR2004 - see the class
                self.hidden = True
                return
            self.started = True
            self.hidden = False
            self.record.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self.record.headers()]}
        if not self.hidden:
            await self._send(message)

    async def send_refusal(self, message: Message) -> None:
        """Pass one message of our own refusal on, which holds no text of an exception."""
        self._hide_500 = False
        await self.send(message)


def problem_told(error: Exception, request_id: str) -> Problem:
    """What a client is told of `error`; what is nobody's fault but ours is told to the log as well."""
    problem = problem_of(error)
    if not isinstance(error, Refused) and problem.kind == "internal":
        _log.error("request failed", request_id=request_id, exc_info=error)
    return problem


async def _refuse(reply: _Reply, scope: Scope, receive: Receive, error: Exception) -> None:
    problem = problem_told(error, reply.record.request_id)
    if reply.started:
        return
    reply.record.error = problem.kind
    if reply.kserve:
        answer = kserve_response(problem)
    else:
        answer = problem_response(problem, instance=scope["path"], request_id=reply.record.request_id)
    await answer(scope, receive, reply.send_refusal)
