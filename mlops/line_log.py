"""Lines on their way to a folder of daily files, at no cost to who writes them.

They wait in a bounded queue for one thread; what finds the queue full, or the disk, is counted and lost.
"""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from mlops.batches import Batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.feedback_spool import DailySpool

_MOST = 512
# Seconds that lines may gather: what a killed process loses, and what its writing is spared at each request.
_LINGER = 0.05
# What orjson asks for where it knows no way: a named tuple's fields. Anything else fails by it, as it would without.
_FIELDS = methodcaller("_asdict")

_log = structlog.stdlib.get_logger("app")


class LineLog:
    """The folder of daily files, open for appending by this process only.

    `what` names its lines, which gather for `linger` seconds. `form` makes a line's mapping of what is kept, if that is
    none: in the thread that writes.
    """

    def __init__(
        self,
        spool: DailySpool,
        what: str,
        *,
        waiting: int = 10_000,
        linger: float = _LINGER,
        form: Callable[[Any], Any] | None = None,
    ) -> None:
        self._spool = spool
        self._form = form
        self._what = what
        self.lost = 0
        self._batches: Batches[Any] = Batches(self._append, what, waiting=waiting, most=_MOST, linger=linger)

    def keep(self, row: Any) -> None:
        """Queue one line, a mapping, dataclass or named tuple that nobody changes any more; never waits or raises."""
        if not self._batches.put(row):
            self.lost += 1

    def close(self) -> None:
        """Write what is queued and release the folder."""
        self._batches.close()
        self._spool.close()

    def _append(self, rows: list[Any]) -> None:
        lines = [line for row in rows if (line := self._line(row)) is not None]
        try:
            self._spool.append(b"".join(lines))
        except OSError as error:
            self.lost += len(lines)
            _log.warning(f"{self._what} is not kept", reason=error.strerror, lines=len(lines))

    def _line(self, row: Any) -> bytes | None:
        try:
            line = row if self._form is None else self._form(row)
            return orjson.dumps(line, default=_FIELDS, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError as error:
            self.lost += 1
            _log.warning(f"{self._what} is not kept", reason=str(error), lines=1)
            return None
