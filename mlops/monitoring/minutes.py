"""Samples minute by minute, as the series that anomalies are looked for in. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from mlops.monitoring.columns import Columns
from mlops.monitoring.series import Point

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS = 60
LEAST = 5  # requests of a minute that says something about latencies


def by_minute(samples: Columns, *, now: float) -> Mapping[str, tuple[Point, ...]]:
    """The median latency, the mean of the recipes and the share of failures of each whole minute that had requests.

    The minute that is still going on is left out.
    """
    series: defaultdict[str, list[Point]] = defaultdict(list)
    for minute, inside in _minutes(samples):
        end = float((minute + 1) * _SECONDS)
        if end > now or len(inside) < LEAST:
            continue
        found = {
            "api_latency_ms": float(np.median(inside.all_of("api_latency_ms"))),
            "error_rate": float(inside.failed.mean()),
        }
        counts = inside.known("num_recipes")
        if len(counts):
            found["num_recipes"] = float(np.mean(counts))
        for metric, value in found.items():
            series[metric].append(Point(end, value, end))
    return {metric: tuple(points) for metric, points in series.items()}


def _minutes(samples: Columns) -> Iterator[tuple[int, Columns]]:
    """Each minute that has samples, with them, in order."""
    minutes = samples.at // _SECONDS
    order = np.argsort(minutes, kind="stable")
    found, first = np.unique(minutes[order], return_index=True)
    for minute, rows in zip(found, np.split(samples.rows[order], first)[1:], strict=True):
        yield int(minute), Columns(rows)
