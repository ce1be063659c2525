"""The answer to Measure on a laptop: the requests that this process answered itself."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from controller.observation import Measurement, Sample
from controller.sequential import Sorted, Tally, furthest, quantile_beside, share_beside
from mlops.evaluation.online import figure
from mlops.evaluation.results import PERCENTILES
from mlops.monitoring.score_edges import SCORE_EDGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from controller.actions import Measure
    from controller.sequential import Bounds
    from mlops.evaluation.online import Figure
    from mlops.monitoring.traffic_log import ServedRequest, TrafficLog


_SCORES = "score-drift"
_ROUNDING = 1e-9  # of a level that was a whole place


class LiveTraffic:
    """Measures over the log of answered requests."""

    def __init__(self, log: TrafficLog) -> None:
        self._log = log

    def measure(self, action: Measure, now: datetime) -> Measurement:
        """Measure every gate's metric since the moment asked for; one that nobody measures here has no sample."""
        rows = self._rows(action.version, action.since, now)
        beside = self._rows(action.baseline, action.since, now) if action.baseline else ()
        latest = max((row.at for row in rows), default=None)
        newest = None if latest is None else now.fromtimestamp(latest, now.tzinfo)
        samples: list[Sample] = []
        for gate in action.gates:
            if gate.metric == _SCORES:
                samples += _scores(rows, beside, action.alpha, newest)
                continue
            found, bounds = figure(gate.metric, rows), _bounds(gate.metric, rows, beside, action.alpha)
            if found is not None:
                sample = Sample(
                    metric=gate.metric,
                    value=_decimal(found),
                    baseline=_decimal(figure(gate.metric, beside)) if beside else None,
                    low=None if bounds is None else Decimal(f"{bounds.low:.6g}"),
                    high=None if bounds is None else Decimal(f"{bounds.high:.6g}"),
                    side=0 if bounds is None else bounds.side,
                    samples=found.samples,
                    newest=newest,
                )
                samples.append(sample)
        return Measurement(name=action.name, at=now, samples=tuple(samples))

    def _rows(self, version: str, since: datetime, now: datetime) -> tuple[ServedRequest, ...]:
        """What a version answered since then. After the clock was set back, there is a future that has been."""
        until = now.timestamp()
        return tuple(row for row in self._log.since(version, since.timestamp()) if row.at <= until)


def _bounds(
    metric: str, rows: Sequence[ServedRequest], beside: Sequence[ServedRequest], alpha: float | None
) -> Bounds | None:
    """The bounds of a metric's value; None where values alone are asked for."""
    if alpha is None:
        return None
    if metric in PERCENTILES:
        return quantile_beside(PERCENTILES[metric] / 100, _sorted(rows), _sorted(beside) if beside else None, alpha)
    return share_beside(_tally(metric, rows), _tally(metric, beside) if beside else None, alpha)


def _scores(
    rows: Sequence[ServedRequest], beside: Sequence[ServedRequest], alpha: float | None, newest: datetime | None
) -> Iterator[Sample]:
    """How far the scores of first recipes are from those of the version beside it; nothing where there is none."""
    ours, theirs = _tallies(rows), _tallies(beside)
    if not theirs[0].count:
        return
    bounds = None if alpha is None else furthest(ours, theirs, alpha)
    value = max(abs(our.mean - their.mean) for our, their in zip(ours, theirs, strict=True))
    yield Sample(
        metric=_SCORES,
        value=Decimal(f"{value:.6g}") if ours[0].count else Decimal("NaN"),
        low=None if bounds is None else Decimal(f"{bounds.low:.6g}"),
        high=None if bounds is None else Decimal(f"{bounds.high:.6g}"),
        samples=ours[0].count,
        newest=newest,
    )


def _tallies(rows: Sequence[ServedRequest]) -> list[Tally]:
    scores = np.array([score for row in rows for score in row.top_scores if score is not None])
    return [Tally(int((scores <= edge).sum()), len(scores)) for edge in SCORE_EDGES]


def _tally(metric: str, rows: Sequence[ServedRequest]) -> Tally:
    found = figure(metric, rows)
    return Tally(0, 0) if found is None or found.value is None else Tally(found.value * found.samples, found.samples)


def _sorted(rows: Sequence[ServedRequest]) -> Sorted:
    latencies = np.sort([row.latency_ms for row in rows if not row.failed])
    return Sorted(count=len(latencies), at=lambda level: _order_statistic(latencies, level))


def _order_statistic(values: NDArray[np.float64], level: float) -> float:
    """The smallest of sorted values below or at which lies a share `level` of them."""
    place = math.ceil(level * len(values) - _ROUNDING)
    if not len(values) or place > len(values):
        return math.inf
    return float(values[place - 1]) if place else 0.0


def _decimal(found: Figure | None) -> Decimal | None:
    """As many digits as mean something; "0 of 0" is NaN, as a metrics source would say."""
    if found is None:
        return None
    return Decimal("NaN") if found.value is None else Decimal(f"{found.value:.6g}")
