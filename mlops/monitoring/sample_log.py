"""Samples as daily JSON lines, so that a process that starts again knows what the one before it measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.line_log import LineLog
from mlops.monitoring.statistics import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops.feedback_spool import DailySpool

NAME = "metrics"
_LINGER_SECONDS = 1.0  # of a day's measurements, what a process that is killed may lose
_FIELDS = frozenset(Sample._fields)
_NUMBERS = _FIELDS - {"failed", "language"}


class SampleLog:
    """The folder of daily files, open for appending by this process only."""

    def __init__(self, spool: DailySpool) -> None:
        self._lines = LineLog(spool, "what was measured", linger=_LINGER_SECONDS)

    @property
    def lost(self) -> int:
        """Samples that could not be kept."""
        return self._lines.lost

    def keep(self, sample: Sample) -> None:
        """Queue one sample; never waits and never raises."""
        self._lines.keep(sample)

    def close(self) -> None:
        """Write what is queued and release the folder."""
        self._lines.close()


def samples_of(rows: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """The samples among rows that were read back, in the order of their time; what is none is left out."""
    found = [
        Sample(**row)
        for each in rows
        if _whole(row := {name: each[name] for name in _FIELDS & each.keys() if each[name] is not None})
    ]
    return sorted(found, key=lambda sample: sample.at)


def _whole(row: Mapping[str, Any]) -> bool:
    numbers = all(
        isinstance(row[name], int | float) and not isinstance(row[name], bool) for name in _NUMBERS & row.keys()
    )
    language = isinstance(row.get("language", ""), str)
    return numbers and language and isinstance(row.get("failed"), bool) and {"at", "api_latency_ms"} <= row.keys()
