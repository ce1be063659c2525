"""Times every request, and has it noted once it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from predictor.noting import PROBES, Ended
from predictor.request_record import CURRENT, RequestRecord
from predictor.tracing import NoTracing
from predictor.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token

    from predictor.instruments import Instruments
    from predictor.noting import Noting
    from predictor.tracing import Traced, Tracing

# Between two answers, which turn over the processor's caches, noting a request costs three times what it does among
# others that are noted. So requests gather for so many seconds, and are noted a few at a time.
_LINGER, _AT_A_TIME, _WAITING = 0.02, 16, 10_000

_log = structlog.stdlib.get_logger("app")


class Telemetry:
    """Has requests noted, with `later` in turns of their loop. `clock` returns Unix seconds, `timer` monotonic ones."""

    def __init__(
        self,
        noting: Noting,
        instruments: Instruments,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        tracing: Tracing | None = None,
        later: bool = False,
    ) -> None:
        self._noting = noting
        self._instruments = instruments
        self._quiet = NoTracing()
        self._tracing = tracing or self._quiet
        self._clock = clock
        self._timer = timer
        self._later = Turns(self._note, waiting=_WAITING, most=_AT_A_TIME, linger=_LINGER) if later else None

    def request(self, *, request_id: str, route: str, method: str, headers: Mapping[str, str]) -> _Timed:
        """Time a request to the end of the block, within which `current_record()` is its record."""
        record = RequestRecord(request_id=request_id, route=route, method=method, started=self._timer())
        tracing, began = self._quiet if route in PROBES else self._tracing, self._clock()
        traced = tracing.begin(route, headers)
        if traced is not None:
            record.trace = traced.ids
        return _Timed(self, record, began, traced, tracing)

    def received(self, record: RequestRecord) -> None:
        """Start the time anew: the whole request is here, and a slow client is no slow service."""
        record.started = self._timer()

    def begin(self, record: RequestRecord) -> Token[RequestRecord]:
        """Make `record` the current one."""
        self._instruments.inflight += 1
        return CURRENT.set(record)

    def end(self, timed: _Timed, token: Token[RequestRecord]) -> None:
        """Have the request noted."""
        record = timed.record
        record.seconds = self._timer() - record.started
        self._instruments.inflight -= 1
        CURRENT.reset(token)
        at = self._clock()
        ended = Ended(record, self._noting.at_once(record, at), timed.began, at, timed.traced, timed.tracing)
        if self._later is None or not self._later.put(ended):
            self._noting.afterwards(ended)

    def settle(self) -> None:
        """Note all that is over by now: for who reads the metrics, and at the end."""
        if self._later is not None:
            self._later.settle()

    def _note(self, ended: Ended) -> None:
        try:
            self._noting.afterwards(ended)
        except Exception:  # noqa: BLE001 - those that wait behind it are noted all the same
            _log.exception("a request was not noted", request_id=ended.record.request_id)


class _Timed:
    """The block in which a request is handled. A class: a generator would cost twice as much, for each request."""

    __slots__ = ("_telemetry", "_token", "began", "record", "traced", "tracing")

    def __init__(
        self, telemetry: Telemetry, record: RequestRecord, began: float, traced: Traced | None, tracing: Tracing
    ) -> None:
        self._telemetry = telemetry
        self.record = record
        self.began = began
        self.traced = traced
        self.tracing = tracing

    def __enter__(self) -> RequestRecord:
        self._token = self._telemetry.begin(self.record)
        return self.record

    def __exit__(self, *_: object) -> None:
        self._telemetry.end(self, self._token)
