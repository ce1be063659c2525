"""Durations as people read them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

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


def instant(at: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
