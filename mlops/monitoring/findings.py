"""What is not as it should be in the samples of a process: each finding with its arithmetic. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.monitoring.alerts import Finding, Kind
from mlops.monitoring.anomalies import Kind as Oddity
from mlops.monitoring.anomalies import anomalies
from mlops.monitoring.minutes import by_minute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops.monitoring.anomalies import Detector
    from mlops.monitoring.statistics import Sample

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is put up with. `psi` is a population stability index: above 0.25 a distribution counts as another one.

    That limit is the usual one of credit scoring (Siddiqi 2006, ch. 9); with `least_scores` on both sides an index of
    two samples of one distribution stays below 0.1.
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
    least_scores: int = 300
    stale_days: float = 90.0


def in_samples(samples: Sequence[Sample], now: float, limits: Limits) -> tuple[Finding, ...]:
    """What samples tell at once; they are in the order of their time."""
    recent = [sample for sample in samples if sample.at > now - limits.window]
    return (
        *_slow(recent, limits),
        *_failing(recent, limits),
        *_silent(samples, now, limits),
        *_drifting(samples, now, limits),
    )


def stale(trained_at: float | None, now: float, limits: Limits) -> tuple[Finding, ...]:
    """A model that has not been trained for too long; None where nobody knows when it was."""
    if trained_at is None or now - trained_at <= limits.stale_days * _DAY:
        return ()
    days = (now - trained_at) / _DAY
    return (Finding(kind=Kind.STALE_MODEL, reason=f"trained {days:.1f} days ago > {limits.stale_days:g} days"),)


def _slow(recent: Sequence[Sample], limits: Limits) -> Iterator[Finding]:
    taken = [sample.api_latency_ms for sample in recent if not sample.failed]
    if len(taken) < limits.least_requests:
        return
    p95 = float(np.percentile(taken, 95))
    if p95 > limits.p95_ms:
        yield Finding(kind=Kind.LATENCY, reason=f"p95 {p95:.0f} ms > {limits.p95_ms:g} ms (n={len(taken)})")


def _failing(recent: Sequence[Sample], limits: Limits) -> Iterator[Finding]:
    if len(recent) < limits.least_requests:
        return
    failed = sum(sample.failed for sample in recent)
    if failed / len(recent) > limits.error_rate:
        share = f"{failed} of {len(recent)} requests failed: {failed / len(recent):.1%} > {limits.error_rate:.1%}"
        yield Finding(kind=Kind.ERRORS, reason=share)


def _silent(samples: Sequence[Sample], now: float, limits: Limits) -> Iterator[Finding]:
    """Nobody asks, and in the hour before somebody did."""
    since = now - limits.quiet
    before = sum(1 for sample in samples if since - _HOUR < sample.at <= since)
    if before >= limits.least_requests and not any(sample.at > since for sample in samples):
        reason = f"no request for {limits.quiet / _MINUTE:g} minutes, {before} in the hour before"
        yield Finding(kind=Kind.NO_TRAFFIC, reason=reason)


def in_minutes(
    samples: Sequence[Sample], now: float, limits: Limits, detector: Callable[[], Detector]
) -> tuple[Finding, ...]:
    """Minutes that are worse than usual: single ones, or a level that is a worse one from now on.

    It looks at minutes that are over, so the answer is the same for all of the next one.
    """
    latest: dict[tuple[Kind, str], str] = {}
    recent = [sample for sample in samples if sample.at > now - limits.history]
    for odd in anomalies(by_minute(recent, now=now), detector):
        single = odd.kind is Oddity.SPIKE
        if odd.worse and odd.point.at > now - (limits.spike if single else limits.shift):
            latest[Kind.ANOMALY if single else Kind.DEGRADATION, odd.metric] = odd.reason
    return tuple(Finding(kind=kind, subject=metric, reason=reason) for (kind, metric), reason in latest.items())


def _drifting(samples: Sequence[Sample], now: float, limits: Limits) -> Iterator[Finding]:
    """Whether the scores of first recipes are spread otherwise in the last hour than in the day before."""
    recent = [each.top_score for each in samples if each.at > now - _HOUR and each.top_score is not None]
    before = [each.top_score for each in samples if now - _DAY < each.at <= now - _HOUR and each.top_score is not None]
    if min(len(recent), len(before)) < limits.least_scores:
        return
    index = stability_index(before, recent)
    if index > limits.psi:
        counts = f"(n={len(recent)} against {len(before)})"
        reason = (
            f"scores of the last hour against the day before: stability index {index:.2f} > {limits.psi:g} {counts}"
        )
        yield Finding(kind=Kind.DRIFT, reason=reason, subject="top_score")


def stability_index(before: Sequence[float], after: Sequence[float], *, bins: int = 10) -> float:
    """The population stability index over bins of equal shares of `before`: the sum of (q - p) * ln(q / p).

    Half a case is added to each bin, so that an empty one has a logarithm.
    """
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    p, q = (
        (np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5)
        / (len(values) + 0.5 * (len(edges) + 1))
        for values in (before, after)
    )
    return float(((q - p) * np.log(q / p)).sum())
