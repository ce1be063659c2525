"""A window of queries, read from JSONL: what was asked, in which language, and whatever else each line says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops.errors import Invalid
from mlops.json_lines import measured, parse_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_EVENTS = 1_000_000
LONGEST = 2_000  # characters of a query that are looked at
_FIXED = frozenset({"query", "lang", "ts"})

Value = float | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEvent:
    """One query. `fields` holds what else its line says: numbers, words, and of a list its length and first number."""

    query: str
    language: str | None
    at: datetime | None
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The queries of a time, in the order of the file; `left_out` counts lines by the rule they broke."""

    events: tuple[QueryEvent, ...]
    left_out: Mapping[str, int]

    @property
    def since(self) -> datetime | None:
        """The time of the earliest query that has one."""
        return min((event.at for event in self.events if event.at is not None), default=None)

    @property
    def until(self) -> datetime | None:
        """The time of the latest query that has one."""
        return max((event.at for event in self.events if event.at is not None), default=None)


class _Broken(Exception):  # noqa: N818 - never leaves this module
    pass


def read_window(path: Path) -> Window:
    """Read a plain or gzip file of lines `{"query": …, "lang": …, "ts": …, …}`; only the query has to be there.

    Raises NotFound, Permanent where it cannot be read, Invalid for a damaged gzip, when most lines are no queries, or
    where there are more than a million.
    """
    return collect(read_lines(path), name=str(path))


def collect(lines: Iterable[bytes], *, name: str) -> Window:
    """Parse `lines`, each a query."""
    events: list[QueryEvent] = []
    left_out: Counter[str] = Counter()
    for line in lines:
        try:
            events.append(_event(line))
        except _Broken as broken:
            left_out[str(broken)] += 1
        if len(events) > MAX_EVENTS:
            raise Invalid(f"{name}: more than {MAX_EVENTS} queries", hint="compare shorter windows, or a sample")
    broken_lines = left_out.total()
    if broken_lines > len(events):
        rule, _ = left_out.most_common(1)[0]
        raise Invalid(
            f"{name}: {broken_lines} of {broken_lines + len(events)} lines are no queries, most often: {rule}",
            hint='a line reads {"query": "lentil soup", "lang": "en", "ts": "2026-01-31T12:00:00Z"}',
        )
    return Window(events=tuple(events), left_out=dict(sorted(left_out.items())))


def _event(line: bytes) -> QueryEvent:
    try:
        row = parse_line(line)
    except ValueError:
        raise _Broken("not JSON") from None
    if not isinstance(row, dict):
        raise _Broken("not an object")
    query = row.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _Broken("query is no text")
    language = row.get("lang")
    return QueryEvent(
        query=" ".join(query[:LONGEST].split()),
        language=language.strip().lower()[:20] or None if isinstance(language, str) else None,
        at=_time(row.get("ts")),
        fields=dict(_fields(row)),
    )


def _time(value: Any) -> datetime | None:
    """A time in ISO 8601 or in Unix seconds; None for anything else, since no test depends on it."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _fields(row: Mapping[str, Any]) -> Iterable[tuple[str, Value]]:
    for name, value in row.items():
        if name in _FIXED:
            continue
        match value:
            case bool():
                yield name, value
            case float() | int():
                if (number := measured(value)) is not None:
                    yield name, number
            case str():
                yield name, value[:100]
            case list():
                yield f"{name} (count)", float(len(value))
                if value and (number := measured(value[0])) is not None:
                    yield f"{name} (first)", number
