"""When somebody is told of what is found, how often, and when it is over. Pure: findings and the time are arguments.

A finding that lasts as long as its kind asks becomes an alert. An alert is told once, again after the cool-down while
it goes on, and once more when it is over; one that comes and goes is told at most once a cool-down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Key = tuple["Kind", str]


class Severity(StrEnum):
    """`critical`: users get no answers, or wrong ones; `warning` can wait for the morning."""

    WARNING = "warning"
    CRITICAL = "critical"


class Kind(StrEnum):
    """What an alert can be about, how bad that is, and for how many seconds it must be found before it counts."""

    severity: Severity
    holds: float

    def __new__(cls, value: str, severity: Severity, holds: float = 0.0) -> Self:
        """Keep what else is known beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.severity = severity
        member.holds = holds
        return member

    ERRORS = "errors", Severity.CRITICAL
    LATENCY = "latency", Severity.WARNING, 60.0
    ANOMALY = "anomaly", Severity.WARNING
    DEGRADATION = "degradation", Severity.WARNING
    DRIFT = "drift", Severity.WARNING, 900.0
    NO_TRAFFIC = "no-traffic", Severity.WARNING
    # On a laptop the first model is judged before it is served, which takes a minute; one that is served stays served.
    MODEL = "model", Severity.CRITICAL, 120.0
    STALE_MODEL = "stale-model", Severity.WARNING
    TRANSLATOR = "translator", Severity.WARNING, 30.0
    REGISTRY = "registry", Severity.WARNING, 120.0
    FEEDBACK = "feedback", Severity.WARNING
    DISK = "disk", Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be, now. `subject` tells apart what one kind finds twice, such as a metric."""

    kind: Kind
    reason: str
    subject: str = ""

    @property
    def key(self) -> Key:
        """What makes two findings the same."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding over time, in Unix seconds.

    It is found since `found_at` (None: no more, and only remembered because it was told), and fires since
    `fires_since` (None while it may still be nothing). `open`: it was told, and not yet told to be over.
    """

    kind: Kind
    subject: str
    reason: str
    found_at: float | None
    seen_at: float
    fires_since: float | None = None
    told_at: float | None = None
    open: bool = False

    @property
    def key(self) -> Key:
        """The finding's."""
        return self.kind, self.subject

    @property
    def firing(self) -> bool:
        """Whether it counts."""
        return self.fires_since is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What somebody is to be told: an alert that fires, or with `resolved` one that is over."""

    alert: Alert
    at: float
    resolved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`cool_down`: seconds between two notices of one alert; `calm`: seconds without a finding until it is over."""

    cool_down: float = 3600.0
    calm: float = 120.0


def follow(
    known: Mapping[Key, Alert], findings: Iterable[Finding], now: float, terms: Terms
) -> tuple[dict[Key, Alert], tuple[Notice, ...]]:
    """Return the alerts after these findings, and what is to be told."""
    found = {finding.key: finding for finding in findings}
    after: dict[Key, Alert] = {}
    notices: list[Notice] = []
    for key in (*known, *(key for key in found if key not in known)):
        before = known.get(key)
        alert = _seen(before, found[key], now) if key in found else _unseen(known[key], now, terms)
        if alert is None:
            continue
        alert, notice = _told(alert, before, now, terms)
        after[key] = alert
        if notice is not None:
            notices.append(notice)
    return after, tuple(notices)


def firing(alerts: Mapping[Key, Alert]) -> tuple[Alert, ...]:
    """Those that count, the worst and oldest first."""
    found = [alert for alert in alerts.values() if alert.firing]
    return tuple(sorted(found, key=lambda each: (each.kind.severity is not Severity.CRITICAL, each.fires_since or 0.0)))


def _seen(before: Alert | None, finding: Finding, now: float) -> Alert:
    since = now if before is None or before.found_at is None else before.found_at
    alert = Alert(
        kind=finding.kind,
        subject=finding.subject,
        reason=finding.reason,
        found_at=since,
        seen_at=now,
        fires_since=before.fires_since if before else None,
        told_at=before.told_at if before else None,
        open=before.open if before else False,
    )
    if not alert.firing and now - since >= finding.kind.holds:
        return replace(alert, fires_since=now)
    return alert


def _unseen(alert: Alert, now: float, terms: Terms) -> Alert | None:
    """Over once it was calm for long enough; remembered as long as it must not be told again."""
    if alert.firing and now - alert.seen_at < terms.calm:
        return alert
    remembered = alert.told_at is not None and now - alert.told_at < terms.cool_down
    return replace(alert, found_at=None, fires_since=None) if alert.open or remembered else None


def _told(alert: Alert, before: Alert | None, now: float, terms: Terms) -> tuple[Alert, Notice | None]:
    if alert.firing and (alert.told_at is None or now - alert.told_at >= terms.cool_down):
        told = replace(alert, told_at=now, open=True)
        return told, Notice(alert=told, at=now)
    if alert.open and alert.found_at is None:
        return replace(alert, open=False), Notice(alert=before or alert, at=now, resolved=True)
    return alert, None
