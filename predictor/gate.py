"""Answering questions as soon as they are read: from memory, or that they find no place.

A remembered answer that is a request like any other costs twice as much, most of it for a scope, a task and the layers
of an application that it does not need. All others become requests.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from predictor.front_door import headers_of
from predictor.http_protocol import Reply
from predictor.json_messages import is_json
from predictor.recommending import ASKED
from predictor.request_record import request_id_from
from predictor.schemas import RecommendRequest
from predictor.validation import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from predictor.body import Limits
    from predictor.packing import Remembered
    from predictor.recommending import Asked, Recommending
    from predictor.routes_recommend import RecommendRoute
    from predictor.telemetry import Telemetry
    from predictor.turning_away import TurningAway

_PATH = "/recommend"
_TARGET = _PATH.encode()
_OK, _HEADERS = 200, b"content-length: %d\r\ncontent-type: application/json\r\n"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class QuestionGate:
    """The gate before the requests of one process; see `Gate`. In the loop's thread alone.

    Who is answered here takes no place, for there is none to wait for.
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

    def answer(self, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Reply | Mapping[str, Any]:
        """See `Gate`. What is no question becomes a request, which is told why."""
        sent = headers_of(headers)
        if target != _TARGET:
            return self._turning_away.refuse(target, sent)
        asked = self._asked(sent, body)
        if asked is None:
            return _NOTHING
        remembered = self._recommending.find(asked)
        if remembered is not None:
            return self._again(asked, remembered, sent)
        return self._turning_away.refuse(target, sent) if self._turning_away.shut(target) else {ASKED: asked}

    def _asked(self, sent: Mapping[str, str], body: bytes) -> Asked | None:
        if len(body) > self._limits.body_bytes or not is_json(sent.get("content-type", "")):
            return None
        try:
            return self._recommending.asked(parse_json(RecommendRequest, body))
        except Exception:  # noqa: BLE001 - whatever it is, the request that it becomes is told
            return None

    def _again(self, asked: Asked, remembered: Remembered, sent: Mapping[str, str]) -> Reply:
        request_id = request_id_from(sent.get("x-request-id", ""), self._new_id)
        with self._telemetry.request(request_id=request_id, route=_PATH, method="POST", headers=sent) as record:
            record.started = asked.started  # finding it took its time, too
            body = self._route.again(asked, remembered)
            record.status = _OK
        headers = b"".join(b"%b: %b\r\n" % header for header in record.headers())
        return Reply(_OK, _HEADERS % len(body) + headers, body)
