"""The one line that says all of a thing that is over, as a request is: told at a cost that a request does not feel.

Any other line goes through structlog's chain of processors, some 100 µs of a busy thread. These hold no text of a user
and no context beyond what they are given, so each is rendered by one call, in the thread that writes all that gathered
meanwhile. They go where the lines of their logger go, with its level.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import orjson
import structlog

from mlops.batches import Batches
from mlops.logging_config import LinesHandler

if TYPE_CHECKING:
    from collections.abc import Callable

DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING
# Seconds that lines may gather; a process that is killed takes those with it.
_LINGER = 0.05
_WAITING, _MOST = 10_000, 512
_DAY = 86_400
# Level, event, when, and what says the rest.
_Waiting = tuple[int, str, float, "Callable[[], dict[str, object]]"]


class CanonicalLines(Protocol):
    """Takes lines of one logger."""

    def write(self, level: int, event: str, at: float, line: Callable[[], dict[str, object]]) -> None:
        """Write what `line` returns if the logger is at `level` now; `at` is when it happened (Unix seconds).

        `line` may be called later and in another thread: what it reads does not change any more.
        """
        ...


class PlainLines:
    """Writes them as any other line, at once: where nobody set up the logs, or wants them captured."""

    def __init__(self, name: str) -> None:
        self._log = structlog.stdlib.get_logger(name)

    def write(self, level: int, event: str, at: float, line: Callable[[], dict[str, object]]) -> None:  # noqa: ARG002 - as the port has it
        """See `CanonicalLines`."""
        self._log.log(level, event, **line())


class BatchedLines:
    """Writes them in batches, to what `configure_logging` gave the logger. What finds no room is counted and lost."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger = logging.getLogger(name)
        self.lost = 0
        self._batches = Batches(self._append, f"{name} lines", waiting=_WAITING, most=_MOST, linger=_LINGER)

    def write(self, level: int, event: str, at: float, line: Callable[[], dict[str, object]]) -> None:
        """See `CanonicalLines`."""
        if not self._logger.isEnabledFor(level):
            return
        if not self._batches.put((level, event, at, line)):
            self.lost += 1

    def close(self) -> None:
        """Write what waits."""
        self._batches.close()

    def _append(self, waiting: list[_Waiting]) -> None:
        for _, day in groupby(waiting, key=lambda each: each[2] // _DAY):
            whole = list(day)
            rendered = b"".join(self._rendered(*each) for each in whole)
            for handler in self._logger.handlers:
                if isinstance(handler, LinesHandler):
                    handler.write(whole[0][2], rendered)

    def _rendered(self, level: int, event: str, at: float, said: Callable[[], dict[str, object]]) -> bytes:
        try:
            line = said()
            line["event"], line["logger"], line["level"] = event, self._name, logging.getLevelName(level).lower()
            line["time"] = datetime.fromtimestamp(at, UTC)
            return orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
        except Exception:  # noqa: BLE001 - whatever is wrong with one line, those that wait behind it are written
            self.lost += 1
            return b""
