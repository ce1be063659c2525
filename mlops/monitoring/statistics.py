"""Statistics of a window of samples. Pure: the samples and the time are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from mlops.monitoring.columns import Columns

_SECONDS = 60.0

# Metrics measured once per recommendation request, by the name of their field in Sample.
PER_REQUEST = (
    "api_latency_ms",
    "translation_latency_ms",
    "embedding_latency_ms",
    "ranking_latency_ms",
    "num_recipes",
)
# Metrics measured once per minute of the window.
PER_MINUTE = ("request_count", "error_rate")


class Sample(NamedTuple):
    """One recommendation request: when it ended (Unix seconds), what it took, and whether the service failed it.

    A phase that did not happen is None, not 0: a refused request has no embedding latency. `top_score` is that of the
    first recipe; it, the language and the number of words of the query are of a batch's first. A tuple: every request
    makes one, and a frozen dataclass costs twice as much to make.
    """

    at: float
    failed: bool
    api_latency_ms: float
    translation_latency_ms: float | None = None
    embedding_latency_ms: float | None = None
    ranking_latency_ms: float | None = None
    num_recipes: int | None = None
    top_score: float | None = None
    language: str | None = None
    words: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A distribution in eight numbers. `std` is the population's; percentiles interpolate linearly between samples."""

    count: int
    mean: float
    std: float
    p50: float
    p95: float
    p99: float
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStatistics:
    """The last minutes of one process. A metric without a sample is None.

    `complete` is false where the queue was too short for the window: the figures then cover its newest part only.
    """

    window_minutes: int
    since: float
    until: float
    complete: bool
    requests: int
    errors: int
    metrics: Mapping[str, Summary | None]


def summarize(values: ArrayLike) -> Summary | None:
    """Return the eight numbers, or None where there is nothing to summarize."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        return None
    p50, p95, p99 = np.percentile(array, [50, 95, 99])
    return Summary(
        count=int(array.size),
        mean=float(array.mean()),
        std=float(array.std()),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        min=float(array.min()),
        max=float(array.max()),
    )


def window_statistics(samples: Columns, *, minutes: int, now: float, known_since: float) -> WindowStatistics:
    """Summarize the samples of the last `minutes`.

    `known_since` is the time from which every request is among `samples`: the start of the process, or the oldest
    sample kept after older ones were dropped. Minutes before it are unknown and do not count as quiet.
    """
    start = now - minutes * _SECONDS
    inside = samples.where((start < samples.at) & (samples.at <= now))
    metrics = {name: summarize(inside.known(name)) for name in PER_REQUEST}
    requests, errors = _per_minute(inside, now=now, start=max(start, min(known_since, now)))
    metrics["request_count"] = summarize(requests)
    metrics["error_rate"] = summarize(errors[requests > 0] / requests[requests > 0])
    return WindowStatistics(
        window_minutes=minutes,
        since=max(start, known_since),
        until=now,
        complete=known_since <= start,
        requests=len(inside),
        errors=int(inside.failed.sum()),
        metrics=metrics,
    )


def _per_minute(samples: Columns, *, now: float, start: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Requests and failures in each minute back from `now` to `start`; the oldest minute may be a part of one."""
    minutes = max(1, int(np.ceil((now - start) / _SECONDS)))
    ages = np.clip(((now - samples.at) // _SECONDS).astype(np.int64), 0, minutes - 1)
    requests = np.bincount(ages, minlength=minutes).astype(np.float64)
    errors = np.bincount(ages, weights=samples.failed, minlength=minutes).astype(np.float64)
    return requests, errors
