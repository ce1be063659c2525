"""What is not as it should be in the samples of a process: each finding with its arithmetic. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.monitoring.alerts import Finding, Kind
from mlops.monitoring.anomalies import Kind as Oddity
from mlops.monitoring.anomalies import anomalies
from mlops.monitoring.minutes import by_minute
from mlops.monitoring.stability import index_of_categories, index_of_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops.monitoring.anomalies import Detector
    from mlops.monitoring.columns import Columns

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is put up with. `psi` is a population stability index: above 0.25 a distribution counts as another one.

    `least_scores` are needed of a window: an index of two samples of one distribution then stays far below that.
    """

    p95_ms: float = 500.0
    error_rate: float = 0.02
    least_requests: int = 30
    window: float = 5 * _MINUTE
    quiet: float = 15 * _MINUTE
    history: float = 2 * _HOUR
    spike: float = 5 * _MINUTE
    shift: float = 30 * _MINUTE
    psi: float = 0.25
    least_scores: int = 150
    stale_days: float = 90.0


def in_samples(samples: Columns, now: float, limits: Limits) -> tuple[Finding, ...]:
    """What the last minutes tell at once; samples are in the order of their time."""
    recent = samples.where(samples.at > now - limits.window)
    return (
        *_slow(recent, limits),
        *_failing(recent, limits),
        *_silent(samples, now, limits),
    )


def stale(trained_at: float | None, now: float, limits: Limits) -> tuple[Finding, ...]:
    """A model that has not been trained for too long; None where nobody knows when it was."""
    if trained_at is None or now - trained_at <= limits.stale_days * _DAY:
        return ()
    days = (now - trained_at) / _DAY
    return (Finding(kind=Kind.STALE_MODEL, reason=f"trained {days:.1f} days ago > {limits.stale_days:g} days"),)


def _slow(recent: Columns, limits: Limits) -> Iterator[Finding]:
    taken = recent.where(~recent.failed).all_of("api_latency_ms")
    if len(taken) < limits.least_requests:
        return
    p95 = float(np.percentile(taken, 95))
    if p95 > limits.p95_ms:
        yield Finding(kind=Kind.LATENCY, reason=f"p95 {p95:.0f} ms > {limits.p95_ms:g} ms (n={len(taken)})")


def _failing(recent: Columns, limits: Limits) -> Iterator[Finding]:
    if len(recent) < limits.least_requests:
        return
    failed = int(recent.failed.sum())
    if failed / len(recent) > limits.error_rate:
        share = f"{failed} of {len(recent)} requests failed: {failed / len(recent):.1%} > {limits.error_rate:.1%}"
        yield Finding(kind=Kind.ERRORS, reason=share)


def _silent(samples: Columns, now: float, limits: Limits) -> Iterator[Finding]:
    """Nobody asks, and in the hour before somebody did."""
    since = now - limits.quiet
    before = int(((since - _HOUR < samples.at) & (samples.at <= since)).sum())
    if before >= limits.least_requests and not (samples.at > since).any():
        reason = f"no request for {limits.quiet / _MINUTE:g} minutes, {before} in the hour before"
        yield Finding(kind=Kind.NO_TRAFFIC, reason=reason)


def in_minutes(samples: Columns, now: float, limits: Limits, detector: Callable[[], Detector]) -> tuple[Finding, ...]:
    """Minutes that are worse than usual: single ones, or a level that is a worse one from now on.

    It looks at minutes that are over, so the answer is the same for all of the next one.
    """
    latest: dict[tuple[Kind, str], str] = {}
    recent = samples.where(samples.at > now - limits.history)
    for odd in anomalies(by_minute(recent, now=now), detector):
        single = odd.kind is Oddity.SPIKE
        if odd.worse and odd.point.at > now - (limits.spike if single else limits.shift):
            latest[Kind.ANOMALY if single else Kind.DEGRADATION, odd.metric] = odd.reason
    return tuple(Finding(kind=kind, subject=metric, reason=reason) for (kind, metric), reason in latest.items())


def drifting(samples: Columns, now: float, limits: Limits) -> Iterator[Finding]:
    """What users ask and are answered: spread otherwise than in the day before in both of the last half hours.

    One odd window is an odd window: two in a row are a change. Half an hour is not another one within a minute.
    """
    at = samples.at
    before = samples.where((now - _DAY < at) & (at <= now - _HOUR))
    windows = [samples.where((since < at) & (at <= since + _HOUR / 2)) for since in (now - _HOUR, now - _HOUR / 2)]
    for told, index in _SPREADS:
        usual, *recent = (part.known(told) for part in (before, *windows))
        if min(len(usual), *map(len, recent)) < limits.least_scores:
            continue
        found = min(index(usual, values) for values in recent)
        if found > limits.psi:
            counts = f"(n={len(recent[0])} and {len(recent[1])} against {len(usual)})"
            reason = (
                f"{told} of both last half hours against the day before: "
                f"stability index {found:.2f} > {limits.psi:g} {counts}"
            )
            yield Finding(kind=Kind.DRIFT, reason=reason, subject=told)


_SPREADS: tuple[tuple[str, Callable[[Any, Any], float]], ...] = (
    ("top_score", index_of_numbers),
    ("num_recipes", index_of_numbers),
    ("words", index_of_numbers),
    ("language", index_of_categories),
)
