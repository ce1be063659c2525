"""Samples minute by minute, as the series that anomalies are looked for in. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from mlops.monitoring.series import Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops.monitoring.statistics import Sample

_SECONDS = 60
LEAST = 5  # requests of a minute that says something about latencies


def by_minute(samples: Iterable[Sample], *, now: float) -> Mapping[str, tuple[Point, ...]]:
    """The median latency, the mean of the recipes and the share of failures of each whole minute that had requests.

    The minute that is still going on is left out.
    """
    minutes: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        minutes[int(sample.at // _SECONDS)].append(sample)
    series: defaultdict[str, list[Point]] = defaultdict(list)
    for minute in sorted(minutes):
        end = float((minute + 1) * _SECONDS)
        inside = minutes[minute]
        if end > now or len(inside) < LEAST:
            continue
        counts = [sample.num_recipes for sample in inside if sample.num_recipes is not None]
        found = {
            "api_latency_ms": float(np.median([sample.api_latency_ms for sample in inside])),
            "error_rate": sum(sample.failed for sample in inside) / len(inside),
        }
        if counts:
            found["num_recipes"] = float(np.mean(counts))
        for metric, value in found.items():
            series[metric].append(Point(end, value, end))
    return {metric: tuple(points) for metric, points in series.items()}
