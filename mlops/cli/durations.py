"""Durations and instants as people read and write them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops.errors import Invalid

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_FINE = 120  # seconds, below which a single unit would be too coarse to wait by


def short(duration: timedelta) -> str:
    """A duration in its two greatest units, such as `2h 5m`; in seconds below two minutes, as kubectl does."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < _FINE:
        return f"{seconds}s"
    parts = []
    for unit, size in _UNITS:
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return " ".join(parts[:2])


def age(since: datetime | None, now: datetime) -> str:
    """How long ago an instant was, for a column."""
    return "" if since is None else short(now - since).replace(" ", "")


def until(at: datetime, now: datetime) -> str:
    """How far ahead an instant is; where it is past, that it is overdue."""
    return f"in {short(at - now)}" if at > now else f"overdue by {short(now - at)}"


def moment(text: str) -> datetime:
    """Read an instant, of UTC where it names no zone. Raises Invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Invalid(f"{text!r} is no moment", hint="write it as 2026-03-01T09:30:00Z") from fault
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def instant(at: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
