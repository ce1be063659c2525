"""Times every request, and has it noted once it is over."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from mlops.batches import Batches
from predictor.noting import PROBES, Ended
from predictor.request_record import CURRENT, RequestRecord
from predictor.tracing import NoTracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from predictor.instruments import Instruments
    from predictor.noting import Noting
    from predictor.tracing import Tracing

# Between two answers, which turn over the processor's caches, noting a request costs three times what it does among
# others that are noted. So requests gather for so many seconds, and are noted a few at a time, between which another
# thread may take the interpreter.
_LINGER, _AT_A_TIME, _WAITING = 0.25, 16, 10_000

_log = structlog.stdlib.get_logger("app")


class Telemetry:
    """Has requests noted, with `later` in a thread. `clock` returns Unix seconds, `timer` monotonic ones."""

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
        self._later = (
            Batches(self._note, "noting", waiting=_WAITING, most=_AT_A_TIME, linger=_LINGER) if later else None
        )

    @contextmanager
    def request(
        self, *, request_id: str, route: str, method: str, headers: Mapping[str, str]
    ) -> Iterator[RequestRecord]:
        """Time a request to the end of the block, within which `current_record()` is its record."""
        record = RequestRecord(request_id=request_id, route=route, method=method, started=self._timer())
        tracing, began = self._quiet if route in PROBES else self._tracing, self._clock()
        traced = tracing.begin(route, headers)
        if traced is not None:
            record.trace = traced.ids
        token = CURRENT.set(record)
        self._instruments.inflight += 1
        try:
            yield record
        finally:
            record.seconds = self._timer() - record.started
            self._instruments.inflight -= 1
            CURRENT.reset(token)
            at = self._clock()
            ended = Ended(record, self._noting.at_once(record, at), began, at, traced, tracing)
            if self._later is None or not self._later.put(ended):
                self._noting.afterwards(ended)

    def received(self, record: RequestRecord) -> None:
        """Start the time anew: the whole request is here, and a slow client is no slow service."""
        record.started = self._timer()

    def settle(self) -> None:
        """Note all that is over by now: for who reads the metrics."""
        if self._later is not None:
            self._later.settle()

    def close(self) -> None:
        """Note what is left."""
        if self._later is not None:
            self._later.close()

    def _note(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            try:
                self._noting.afterwards(each)
            except Exception:  # noqa: BLE001 - those that wait behind it are noted all the same
                _log.exception("a request was not noted", request_id=each.record.request_id)
