"""How sure a difference between two versions on the same queries is. The only importer of scipy here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2_000
CONFIDENCE = 0.95
_LEAST = 2
# Values compared at once: bounds the memory to 16 MB whatever the number of queries.
_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval, ends included."""

    low: float
    high: float
    confidence: float


def paired_interval(
    candidate: Sequence[float],
    baseline: Sequence[float],
    *,
    percentile: int | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval | None:
    """Return the interval of statistic(candidate) - statistic(baseline), queries drawn anew in pairs.

    The statistic is the mean, or a percentile where one is named. Percentile bootstrap (Efron & Tibshirani 1993,
    ch. 13), which stays defined where all differences are equal; the bias-corrected one does not. None for fewer than
    two pairs.
    """
    if len(candidate) < _LEAST:
        return None

    def difference(left: NDArray[np.float64], right: NDArray[np.float64], axis: int) -> Any:
        if percentile is None:
            return np.mean(left - right, axis=axis)
        return np.percentile(left, percentile, axis=axis) - np.percentile(right, percentile, axis=axis)

    found = stats.bootstrap(
        (np.asarray(candidate, dtype=np.float64), np.asarray(baseline, dtype=np.float64)),
        difference,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, _AT_ONCE // len(candidate)),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(low=float(found.low), high=float(found.high), confidence=confidence)
