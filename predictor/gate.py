"""Answering questions as soon as they are read: from memory, by computing, or that they find no place.

A remembered answer that is a request like any other costs twice as much, most of it for a scope and the layers of an
application that no question needs; one that is computed, a tenth more. What is no valid question becomes a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from predictor.answers import recommendation_body
from predictor.front_door import headers_of, problem_told
from predictor.http_protocol import Reply, header_lines
from predictor.json_messages import is_json
from predictor.problems import problem_response
from predictor.request_record import request_id_from
from predictor.schemas import RecommendRequest
from predictor.validation import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextlib import AbstractContextManager

    from predictor.body import Limits
    from predictor.packing import Remembered
    from predictor.recommending import Asked, Recommendation, Recommending
    from predictor.request_record import RequestRecord
    from predictor.routes_recommend import RecommendRoute
    from predictor.telemetry import Telemetry
    from predictor.turning_away import TurningAway

_PATH = "/recommend"
_TARGET = _PATH.encode()
_OK, _HEADERS = 200, b"content-length: %d\r\ncontent-type: application/json\r\n"


class QuestionGate:
    """The gate before the requests of one process; see `Gate`. In the loop's thread alone.

    Who is answered here takes no place at the front door, for nothing has to come any more: what waits to be computed
    is bounded by the workers.
    """

    def __init__(
        self,
        recommending: Recommending,
        route: RecommendRoute,
        turning_away: TurningAway,
        telemetry: Telemetry,
        limits: Limits,
        new_id: Callable[[], str],
    ) -> None:
        self._recommending = recommending
        self._route = route
        self._turning_away = turning_away
        self._telemetry = telemetry
        self._limits = limits
        self._new_id = new_id

    def holds(self, target: bytes) -> bool:
        """See `Gate`."""
        return target == _TARGET or self._turning_away.shut(target)

    def answer(
        self, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes, send: Callable[[Reply], None]
    ) -> Coroutine[Any, Any, None] | bool:
        """See `Gate`. What is no question becomes a request, which is told why."""
        sent = headers_of(headers)
        if target != _TARGET:
            send(self._turning_away.refuse(target, sent))
            return True
        asked = self._asked(sent, body)
        if asked is None:
            return False
        remembered = self._recommending.find(asked)
        if remembered is not None:
            self._again(asked, remembered, sent, send)
        elif self._turning_away.shut(target):
            send(self._turning_away.refuse(target, sent))
        else:
            return self._first(asked, sent, send)
        return True

    def _asked(self, sent: Mapping[str, str], body: bytes) -> Asked | None:
        if len(body) > self._limits.body_bytes or not is_json(sent.get("content-type", "")):
            return None
        try:
            return self._recommending.asked(parse_json(RecommendRequest, body))
        except Exception:  # noqa: BLE001 - whatever it is, the request that it becomes is told
            return None

    def _again(
        self, asked: Asked, remembered: Remembered, sent: Mapping[str, str], send: Callable[[Reply], None]
    ) -> None:
        with self._timed(sent) as record:
            record.started = asked.started  # finding it took its time, too
            recommendation = self._recommending.again(asked, remembered)
            # Sent before all that is noted of it: nobody shall wait for that.
            send(_reply(record, recommendation))
            self._route.keep(asked.wanted, recommendation)

    async def _first(self, asked: Asked, sent: Mapping[str, str], send: Callable[[Reply], None]) -> None:
        with self._timed(sent) as record:
            record.started = asked.started
            try:
                recommendation = await self._recommending.compute(asked)
                reply = _reply(record, recommendation)
            except Exception as error:  # noqa: BLE001 - the last place before the protocol, which would just hang up
                send(_refusal(record, error))
                return
            send(reply)
            self._route.keep(asked.wanted, recommendation)

    def _timed(self, sent: Mapping[str, str]) -> AbstractContextManager[RequestRecord]:
        request_id = request_id_from(sent.get("x-request-id", ""), self._new_id)
        return self._telemetry.request(request_id=request_id, route=_PATH, method="POST", headers=sent)


def _reply(record: RequestRecord, recommendation: Recommendation) -> Reply:
    body = orjson.dumps(recommendation_body(recommendation))
    record.status = _OK
    return Reply(_OK, _HEADERS % len(body) + header_lines(record.headers()), body)


def _refusal(record: RequestRecord, error: Exception) -> Reply:
    problem = problem_told(error, record.request_id)
    record.status, record.error = problem.status, problem.kind
    told = problem_response(problem, instance=_PATH, request_id=record.request_id)
    return Reply(problem.status, header_lines([*told.raw_headers, *record.headers()]), bytes(told.body))
