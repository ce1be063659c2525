"""Series of metrics, read from JSONL: lines `{"t": …, "metric": …, "value": …}` in any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops.errors import Invalid
from mlops.json_lines import measured, parse_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_POINTS = 2_000_000


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time: `at` in Unix seconds, or in whatever unit the numbers are; `t` as it was written."""

    at: float
    value: float
    t: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReading:
    """Points by metric, in the order of time; `left_out` counts lines by the rule they broke."""

    series: Mapping[str, tuple[Point, ...]]
    left_out: Mapping[str, int]


class _Broken(Exception):  # noqa: N818 - never leaves this module
    pass


def read_series(path: Path) -> SeriesReading:
    """Read a plain or gzip file.

    Raises NotFound, Permanent where it cannot be read, Invalid for a damaged gzip, when most lines are no points, or
    where there are more than two million.
    """
    return collect(read_lines(path), name=str(path))


def collect(lines: Iterable[bytes], *, name: str) -> SeriesReading:
    """Parse `lines`, each a point. What is not a finite number is left out and counted."""
    found: defaultdict[str, list[Point]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    points = 0
    for line in lines:
        try:
            metric, point = _point(line)
        except _Broken as broken:
            left_out[str(broken)] += 1
            continue
        found[metric].append(point)
        points += 1
        if points > MAX_POINTS:
            raise Invalid(f"{name}: more than {MAX_POINTS} points", hint="look at a shorter time, or at fewer metrics")
    if left_out.total() > points:
        rule, _ = left_out.most_common(1)[0]
        raise Invalid(
            f"{name}: {left_out.total()} of {left_out.total() + points} lines are no points, most often: {rule}",
            hint='a line reads {"t": "2026-01-31T12:00:00Z", "metric": "api_latency", "value": 12.5}',
        )
    ordered = {metric: tuple(sorted(each, key=lambda point: point.at)) for metric, each in sorted(found.items())}
    return SeriesReading(series=ordered, left_out=dict(sorted(left_out.items())))


def _point(line: bytes) -> tuple[str, Point]:
    try:
        row = parse_line(line)
    except ValueError:
        raise _Broken("not JSON") from None
    if not isinstance(row, dict):
        raise _Broken("not an object")
    metric, value, t = row.get("metric"), measured(row.get("value")), row.get("t")
    if not isinstance(metric, str) or not metric:
        raise _Broken("metric is no name")
    if value is None:
        raise _Broken("value is no finite number")
    return metric, Point(_time(t), value, t)


def _time(value: Any) -> float:
    if (number := measured(value)) is not None:
        return number
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Broken("t is neither a number nor a time as in 2026-01-31T12:00:00Z") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
