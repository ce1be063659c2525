"""Several rankings into one: weighted reciprocal rank fusion, with what each ranking contributed.

score(d) = sum_i w_i / (K + rank_i(d)), divided by its maximum, so that 1 is a document that every ranking puts first.
Cormack, Clarke & Buettcher 2009 use K = 60 over thousands of documents; 20 did best here (docs/decisions/0003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.retrieval.selection import distinct, highest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

K = 20
# How far down each ranking counts: a place beyond adds less than a fifteenth of the first.
DEPTH = 300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """One signal: `scores` float32 (documents,), higher is better; what does not exceed `floor` is not ranked."""

    name: str
    scores: NDArray[np.float32]
    weight: float = 1.0
    floor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fused:
    """The fused top n: `documents` and `scores` (n,), and per ranking its ranks (0: not ranked) and shares (n,)."""

    documents: NDArray[np.intp]
    scores: NDArray[np.float64]
    ranks: tuple[NDArray[np.intp], ...]
    shares: tuple[NDArray[np.float64], ...]


def fuse(
    rankings: Sequence[Ranking], passed: NDArray[np.bool_], k: int, bonus: NDArray[np.float32] | None = None
) -> Fused:
    """Return the best `k` of the documents that `passed`; ties go to the lower document number.

    `bonus` float32 (documents,) in 0..1 outweighs every rank: a recipe with all three ingredients stands before one
    with two. It is the first share of the result when given.
    """
    size = len(passed)
    tops = [_top(ranking.scores, passed, ranking.floor) for ranking in rankings]
    if bonus is not None:
        tops.append(_top(bonus, passed, 0.0))
    candidates = distinct(tops) if tops else np.empty(0, dtype=np.intp)
    ranks, shares = [], []
    best = sum(ranking.weight / (K + 1) for ranking in rankings) + (1.0 if bonus is not None else 0.0)
    for ranking, top in zip(rankings, tops, strict=False):
        rank = np.zeros(size, dtype=np.intp)
        rank[top] = np.arange(1, len(top) + 1)
        ranks.append(rank[candidates])
        shares.append(np.where(ranks[-1] > 0, ranking.weight / (K + ranks[-1]), 0.0) / best)
    if bonus is not None:
        ranks.insert(0, (bonus[candidates] > 0).astype(np.intp))
        shares.insert(0, bonus[candidates].astype(np.float64) / best)
    total = np.sum(shares, axis=0) if shares else np.empty(0)
    order = np.lexsort((candidates, -total))[:k]
    return Fused(
        documents=candidates[order],
        scores=total[order],
        ranks=tuple(rank[order] for rank in ranks),
        shares=tuple(share[order] for share in shares),
    )


def _top(scores: NDArray[np.float32], passed: NDArray[np.bool_], floor: float) -> NDArray[np.intp]:
    """Return the best DEPTH of the documents that `passed` and exceed `floor`, best first, ties by document number."""
    chosen = np.sort(highest(scores, passed, floor, DEPTH, None))
    return chosen[np.argsort(-scores[chosen], kind="stable")]
