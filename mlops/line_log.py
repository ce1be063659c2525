"""Lines on their way to a folder of daily files, at no cost to who writes them.

They wait in a bounded queue for one thread; what finds the queue full, or the disk, is counted and lost.
"""

from __future__ import annotations

from queue import Empty, Full, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.feedback_spool import DailySpool

_BATCH = 512

_log = structlog.stdlib.get_logger("app")


class LineLog:
    """The folder of daily files, open for appending by this process only; `what` names its lines."""

    def __init__(self, spool: DailySpool, what: str, *, waiting: int = 10_000) -> None:
        self._spool = spool
        self._what = what
        self._queue: Queue[bytes | None] = Queue(maxsize=waiting)
        self.lost = 0
        self._writer = Thread(target=self._write_forever, name=what, daemon=True)
        self._writer.start()

    def keep(self, row: Mapping[str, Any]) -> None:
        """Queue one line; never waits and never raises."""
        try:
            self._queue.put_nowait(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        except Full:
            self.lost += 1

    def close(self) -> None:
        """Write what is queued and release the folder."""
        self._queue.put(None)
        self._writer.join()
        self._spool.close()

    def _write_forever(self) -> None:
        while (first := self._queue.get()) is not None:
            lines, stop = self._more(first)
            try:
                self._spool.append(b"".join(lines))
            except OSError as error:
                self.lost += len(lines)
                _log.warning(f"{self._what} is not kept", reason=error.strerror, lines=len(lines))
            if stop:
                return

    def _more(self, first: bytes) -> tuple[list[bytes], bool]:
        """Return `first` and what else waits, and whether the end was among it."""
        lines = [first]
        while len(lines) < _BATCH:
            try:
                line = self._queue.get_nowait()
            except Empty:
                break
            if line is None:
                return lines, True
            lines.append(line)
        return lines, False
