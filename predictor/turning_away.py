"""Refusing questions while as many wait as may: before anything is made of them but their bytes.

A refusal that is a request like any other costs the loop's thread as much as its part of an answer does. In a storm
there are more of them than of answers, and that thread is what answers wait for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from predictor.http_protocol import Reply, header_lines
from predictor.noting import RECOMMENDING
from predictor.paths import is_kserve, route_of
from predictor.problems import Problem, kserve_response, problem_response
from predictor.request_record import request_id_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from predictor.telemetry import Telemetry
    from predictor.workers import Workers

# Stands for the id of a request where an answer is made for all of them.
_ID = "0" * 36
_PROBLEM = Problem(
    kind="overloaded",
    detail="as many requests run or wait as are answered in time; ask again in a second",
    headers={"retry-after": "1"},
)


def finds_no_place(*, taken: int, coming: int, limit: int) -> bool:
    """Whether one more finds no place of `limit`, of which so many are taken and so many requests are on their way.

    Who is on the way may yet be answered from memory, so they count only where overload is near.
    """
    return taken >= limit or (2 * taken >= limit and taken + coming >= limit)


class TurningAway:
    """Before what answers questions; shut while no more may wait. In the loop's thread alone."""

    def __init__(self, workers: Workers, telemetry: Telemetry, new_id: Callable[[], str], *, model_name: str) -> None:
        self._workers = workers
        self._telemetry = telemetry
        self._new_id = new_id
        # Those over HTTP: gRPC has a limit of its own.
        paths = [route.format(model=model_name) for route in RECOMMENDING if route.startswith("/")]
        self._refusals = {path.encode(): _Refusal(path) for path in paths}
        # Let through in this turn of the loop: many are read in one, before the first of them takes its place.
        self._coming = 0

    def shut(self, target: bytes) -> bool:
        """Whether a POST to `target`, as it was sent, finds no place and is to be refused. If not, it is on its way."""
        if target not in self._refusals:
            return False
        limit = self._workers.limit
        if finds_no_place(taken=self._workers.taken, coming=self._coming, limit=limit):
            # Once those that were let through before it have taken their places.
            asyncio.get_running_loop().call_soon(self._workers.refused, limit)
            return True
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._have_come)
        self._coming += 1
        return False

    def refuse(self, target: bytes, sent: Mapping[str, str]) -> Reply:
        """Refuse a POST with these headers for which the gate is shut, and have it noted."""
        refusal = self._refusals[target]
        request_id = request_id_from(sent.get("x-request-id", ""), self._new_id)
        with self._telemetry.request(request_id=request_id, route=refusal.route, method="POST", headers=sent) as record:
            record.status, record.error = _PROBLEM.status, _PROBLEM.kind
        return refusal.to(request_id.encode())

    def _have_come(self) -> None:
        self._coming = 0


class _Refusal:
    """The answer to all who ask at `path`, made but for the request's id."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.route = route_of(path)
        answer = _answer(path)
        self._before, self._after = b"", bytes(answer.body)
        if _ID.encode() in self._after:
            self._before, self._after = self._after.split(_ID.encode())
        self._head = header_lines(each for each in answer.raw_headers if each[0] != b"content-length")

    def to(self, request_id: bytes) -> Reply:
        """The answer to a request."""
        body = self._before + request_id + self._after if self._before else self._after
        headers = b"%bx-request-id: %b\r\ncontent-length: %d\r\n" % (self._head, request_id, len(body))
        return Reply(_PROBLEM.status, headers, body)


def _answer(path: str) -> Response:
    if is_kserve(path):
        return kserve_response(_PROBLEM)
    return problem_response(_PROBLEM, instance=path, request_id=_ID)
