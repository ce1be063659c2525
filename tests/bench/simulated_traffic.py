"""Users of a simulated service, and a metrics source that counts what they got as Prometheus would."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from controller.observation import Measurement, Sample
from controller.sequential import Sorted, Tally, quantile_beside, share_beside
from tests.toyworld.platform import Platform

if TYPE_CHECKING:
    from datetime import datetime

    from controller.actions import Measure
    from controller.resource.gate import Gate

# Upper ends in ms, ten to a factor of ten; the last is infinity.
ENDS = np.append(np.geomspace(1, 10_000, 41), np.inf)
SPREAD = 0.5  # of the logarithm of a latency


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """How a version does: errors as a share of requests, the median latency in ms, and both once it is production.

    `source` is what the metrics source does while it is watched: tells the truth, is down, is an hour old, says what
    cannot be.
    """

    errors: float = 0.005
    median_ms: float = 20.0
    errors_later: float | None = None
    source: str = "true"


@dataclass(frozen=True)
class Chunk:
    """What a version did until `at`: requests, failures, and answers by bucket of the latency."""

    at: datetime
    requests: int
    failures: int
    latencies: np.ndarray


@dataclass
class Traffic(Platform):
    """A platform whose users ask at a rate, and whose source counts them. Whoever reads it lets time pass."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    per_second: float = 50.0
    candidates: dict[str, Candidate] = field(default_factory=dict)
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)
    excused: dict[str, int] = field(default_factory=dict)
    flowed: datetime | None = None

    def facts(self):  # type: ignore[no-untyped-def]
        self._flow()
        return super().facts()

    def spent(self, version: str) -> int:
        """How many requests a version had so far; of one that gets worse later, since it did."""
        return sum(chunk.requests for chunk in self.chunks.get(version, ())) - self.excused.get(version, 0)

    def _flow(self) -> None:
        seconds = (self.now - self.flowed).total_seconds() if self.flowed else 0.0
        self.flowed = self.now
        if seconds <= 0:
            return
        for version, weight in self.traffic.items():
            does = self.candidates.get(version, Candidate())
            errors = does.errors
            requests = int(self.rng.poisson(self.per_second * seconds * weight / 100))
            if does.errors_later is not None and weight == 100:
                errors = does.errors_later
            elif does.errors_later is not None:
                self.excused[version] = self.excused.get(version, 0) + requests
            failures = int(self.rng.binomial(requests, errors))
            self.chunks.setdefault(version, []).append(
                Chunk(self.now, requests, failures, self._latencies(requests - failures, does.median_ms))
            )

    def _latencies(self, count: int, median: float) -> np.ndarray:
        drawn = median * np.exp(SPREAD * self.rng.standard_normal(min(count, 5_000)))
        counts = np.bincount(np.searchsorted(ENDS, drawn), minlength=len(ENDS))
        return counts * max(count / 5_000, 1.0)

    def _measured(self, action: Measure, now: datetime) -> Measurement:
        source = self.candidates.get(action.version, Candidate()).source
        if source == "down":
            return Measurement(name=action.name, at=now, error="connection refused")
        found = tuple(self._sample(gate, action, now) for gate in action.gates)
        match source:
            case "stale":
                found = tuple(replace(sample, newest=now.replace(year=now.year - 1)) for sample in found)
            case "absurd":
                found = tuple(replace(sample, value=Decimal("NaN"), low=None, high=None) for sample in found)
        return Measurement(name=action.name, at=now, samples=found)

    def _sample(self, gate: Gate, action: Measure, now: datetime) -> Sample:
        seen = self._since(action.version, action.since)
        takes_part = action.baseline is not None and self.traffic.get(action.baseline, 0) > 0
        beside = self._since(action.baseline, action.since) if takes_part and action.baseline else None
        if gate.metric == "error-rate":
            value, given = _rate(seen), None if beside is None else _rate(beside)
            bounds = action.alpha and share_beside(_tally(seen), beside and _tally(beside), action.alpha)
            samples = seen.requests
        else:
            value, given = _sorted(seen).at(0.95), None if beside is None else _sorted(beside).at(0.95)
            bounds = action.alpha and quantile_beside(0.95, _sorted(seen), beside and _sorted(beside), action.alpha)
            samples = seen.requests - seen.failures
        return Sample(
            metric=gate.metric,
            value=_decimal(value),
            baseline=None if given is None or math.isnan(given) else _decimal(given),
            low=_decimal(bounds.low) if bounds else None,
            high=_decimal(bounds.high) if bounds else None,
            side=bounds.side if bounds else 0,
            samples=samples,
            newest=now,
        )

    def _since(self, version: str, since: datetime) -> Chunk:
        rows = [chunk for chunk in self.chunks.get(version, ()) if chunk.at > since]
        return Chunk(
            self.now,
            sum(row.requests for row in rows),
            sum(row.failures for row in rows),
            sum((row.latencies for row in rows), np.zeros(len(ENDS))),
        )


def _rate(seen: Chunk) -> float:
    return seen.failures / seen.requests if seen.requests else math.nan


def _tally(seen: Chunk) -> Tally:
    return Tally(seen.failures, seen.requests)


def _sorted(seen: Chunk) -> Sorted:
    return Sorted(count=seen.requests - seen.failures, at=lambda level: _quantile(seen.latencies, level))


def _quantile(counts: np.ndarray, level: float) -> float:
    """As `histogram_quantile` interpolates: in a straight line within a bucket, infinite above level 1."""
    total = counts.sum()
    if not total:
        return math.nan
    if level > 1:
        return math.inf
    below = np.cumsum(counts)
    bucket = min(int(np.searchsorted(below, level * total)), len(ENDS) - 1)
    if bucket == len(ENDS) - 1:
        return float(ENDS[-2])
    start, before = (ENDS[bucket - 1], below[bucket - 1]) if bucket else (0.0, 0.0)
    share = (level * total - before) / counts[bucket] if counts[bucket] else 0.0
    return float(start + (ENDS[bucket] - start) * share)


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.6g}")
