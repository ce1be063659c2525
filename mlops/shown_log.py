"""What was answered to whom: the half of a session that POST /feedback does not tell, kept beside the feedback.

Learning needs what was shown and passed over, not only what was clicked. Keeping it must cost an answer nothing: lines
wait in a bounded queue for one thread that writes them, and what finds the queue full is counted and lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from datetime import datetime

    from mlops.feedback_spool import DailySpool

NAME = "shown"
_BATCH = 512

_log = structlog.stdlib.get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One answer: the query as it was typed, the recipe ids in their order. `user` is a hash or None."""

    recommendation_id: str
    at: datetime
    language: str
    query: str
    shown: tuple[str, ...]
    version: str
    user: str | None

    def to_row(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "ts": self.at.isoformat(),
            "recommendation_id": self.recommendation_id,
            "version": self.version,
            "user": self.user,
            "lang": self.language,
            "query": self.query,
            "shown": list(self.shown),
        }


class ShownLog:
    """The folder of daily files, open for appending by this process only."""

    def __init__(self, spool: DailySpool, *, waiting: int = 10_000) -> None:
        self._spool = spool
        self._queue: Queue[bytes | None] = Queue(maxsize=waiting)
        self.lost = 0
        self._writer = Thread(target=self._write_forever, name="shown", daemon=True)
        self._writer.start()

    def keep(self, shown: Shown) -> None:
        """Queue one answer; never waits and never raises."""
        try:
            self._queue.put_nowait(orjson.dumps(shown.to_row(), option=orjson.OPT_APPEND_NEWLINE))
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
                _log.warning("what was shown is not kept", reason=error.strerror, answers=len(lines))
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
