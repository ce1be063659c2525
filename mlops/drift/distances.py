"""Two samples of one feature: is the difference beyond chance, and how large is it? Alone in importing scipy here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHUFFLES = 999
_RARE = 5  # expected counts below which chi-square is no good


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`p` is the chance of such a difference between samples of one source; `effect` its size, 0 to 1, by `measure`."""

    p: float
    effect: float
    measure: str
    details: dict[str, float]


def of_numbers(reference: NDArray[np.float64], current: NDArray[np.float64]) -> Difference:
    """Compare by Kolmogorov-Smirnov, whose D is the effect; beside it Wasserstein's distance in standard deviations."""
    found = stats.ks_2samp(reference, current, method="asymp")
    spread = float(reference.std()) or float(current.std()) or 1.0
    wasserstein = float(stats.wasserstein_distance(reference, current)) / spread
    return Difference(
        p=float(found.pvalue),
        effect=float(found.statistic),
        measure="Kolmogorov-Smirnov D",
        details={
            "wasserstein_in_sd": wasserstein,
            "mean_before": float(reference.mean()),
            "mean_now": float(current.mean()),
        },
    )


def of_categories(reference: Sequence[str], current: Sequence[str]) -> Difference:
    """Compare by chi-square; the effect is the Jensen-Shannon distance (base 2). Rare categories are counted as one."""
    counts = [Counter(reference), Counter(current)]
    table = np.array([[each[name] for name in sorted(counts[0] | counts[1])] for each in counts], dtype=np.float64)
    distance = float(jensenshannon(table[0], table[1], base=2))
    pooled = _without_rare(table)
    p = float(stats.chi2_contingency(pooled).pvalue) if pooled.shape[1] > 1 else 1.0
    return Difference(p=p, effect=distance, measure="Jensen-Shannon distance", details={})


def of_words(reference: NDArray[np.float64], current: NDArray[np.float64], seed: int) -> Difference:
    """Compare how often words are used, matrices of 0 and 1 (queries, words), by a permutation test.

    The effect is the Jensen-Shannon distance beyond what shuffled windows have: small samples of many words differ
    anyway.
    """
    both = np.vstack([reference, current])
    if both.shape[1] == 0:
        return Difference(p=1.0, effect=0.0, measure=_WORDS, details={})
    total = both.sum(axis=0)
    rng = np.random.default_rng(seed)
    observed = _distance(reference.sum(axis=0), total)
    shuffled = np.empty(SHUFFLES)
    for place in range(SHUFFLES):
        rows = rng.permutation(len(both))[: len(reference)]
        shuffled[place] = _distance(both[rows].sum(axis=0), total)
    p = (1 + int((shuffled >= observed).sum())) / (1 + SHUFFLES)
    return Difference(
        p=p,
        effect=max(0.0, observed - float(shuffled.mean())),
        measure=_WORDS,
        details={"distance": observed, "distance_by_chance": float(shuffled.mean())},
    )


_WORDS = "Jensen-Shannon distance beyond chance"


def corrected(chances: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values for how many there are: the false discovery rate of Benjamini and Hochberg (1995)."""
    return tuple(float(each) for each in stats.false_discovery_control(chances)) if chances else ()


def upper_tail(z: float) -> float:
    """Return the chance that a standard normal variable exceeds `z`."""
    return float(stats.norm.sf(z))


def _distance(part: NDArray[np.float64], total: NDArray[np.float64]) -> float:
    rest = total - part
    if not part.any() or not rest.any():
        return 1.0 if part.any() or rest.any() else 0.0
    return float(jensenshannon(part, rest, base=2))


def _without_rare(table: NDArray[np.float64]) -> NDArray[np.float64]:
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    rare = expected.min(axis=0) < _RARE
    pooled = np.hstack([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)])
    return pooled[:, pooled.sum(axis=0) > 0]
