"""Several rankings into one: weighted reciprocal rank fusion, with what each ranking contributed.

score(d) = sum_i w_i / (K + rank_i(d)), divided by its maximum, so that 1 is a document that every ranking puts first.
Cormack, Clarke & Buettcher 2009 use K = 60 over thousands of documents; 20 did best here (docs/decisions/0003).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

import numpy as np

from mlops.kernel.looking import Shares
from mlops.kernel.operands import Placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel

K = 20
# How far down each ranking counts: a place beyond adds less than a fifteenth of the first.
DEPTH = 300
_PLACES = np.arange(DEPTH + 1)


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
    rankings: Sequence[Ranking],
    passed: NDArray[np.bool_] | None,
    k: int,
    bonus: NDArray[np.float32] | None = None,
    kernel: Kernel | None = None,
) -> Fused:
    """Return the best `k` of the documents that `passed` (None: all); ties go to the lower document number.

    `bonus` float32 (documents,) in 0..1 outweighs every rank: a recipe with all three ingredients stands before one
    with two. It is the first share of the result when given. With a `kernel` all is the same, to the bit: here are
    twenty steps over some hundred numbers, at each of which another thread may take the interpreter.
    """
    best = _best([ranking.weight for ranking in rankings], bonus=bonus is not None)
    if kernel is not None and passed is None and rankings:
        placed = [Placed(each.scores, _shares(each.weight, best), each.floor) for each in rankings]
        documents, scores, by_ranking, portions = kernel.fuse(placed, bonus, best, k)
        return Fused(documents=documents, scores=scores, ranks=tuple(by_ranking), shares=tuple(portions))
    ranks = [_ranks(ranking.scores, passed, ranking.floor) for ranking in rankings]
    by_rank = [_shares(ranking.weight, best) for ranking in rankings]
    shares = [added[rank] for added, rank in zip(by_rank, ranks, strict=True)]
    found = list(ranks)
    if bonus is not None:
        found.append(_ranks(bonus, passed, 0.0))
        ranks.insert(0, (bonus > 0).astype(np.intp))
        shares.insert(0, bonus.astype(np.float64) / best)
    candidates = reduce(np.bitwise_or, found).nonzero()[0] if found else np.empty(0, dtype=np.intp)
    total = reduce(np.add, shares)[candidates] if shares else np.empty(0)
    # Whatever is among the first k of a ranking has at least this.
    order = _falling(total, k, max((added[min(k, DEPTH)] for added in by_rank), default=0.0))
    documents = candidates[order]
    return Fused(
        documents=documents,
        scores=total[order],
        ranks=tuple(rank[documents] for rank in ranks),
        shares=tuple(share[documents] for share in shares),
    )


@lru_cache(maxsize=8)
def shares_of(rankings: int, *, bonus: bool) -> Shares:
    """What each rank adds in each of so many rankings of weight 1, for the kernel."""
    best = _best([1.0] * rankings, bonus=bonus)
    of_rank = _shares(1.0, best)
    return Shares(of_rank, of_rank.ctypes.data, best)


def _best(weights: Sequence[float], *, bonus: bool) -> float:
    return sum(weight / (K + 1) for weight in weights) + (1.0 if bonus else 0.0)


def _top(scores: NDArray[np.float32], passed: NDArray[np.bool_] | None, floor: float) -> NDArray[np.intp]:
    """Return the best DEPTH of the documents that `passed` and exceed `floor`, best first, ties by document number."""
    (above,) = (scores > floor if passed is None else passed & (scores > floor)).nonzero()
    # One sort of integers made of score and place takes a third of the time of a selection and a stable sort.
    # 0 - x and not -x: of 0.0 and -0.0 neither is higher.
    falling = (np.float32(0) - scores[above]).view(np.int32)
    # The bits of floats are in the order of the floats, but for the negative ones, which are in reverse.
    falling ^= (falling >> 31) & np.int32(0x7FFFFFFF)
    keys = falling.astype(np.int64) << 32 | above
    keys.sort()
    return keys[:DEPTH] & 0xFFFFFFFF


def _ranks(scores: NDArray[np.float32], passed: NDArray[np.bool_] | None, floor: float) -> NDArray[np.intp]:
    """The rank of every document from 1; 0 for those that are not among the best DEPTH."""
    top = _top(scores, passed, floor)
    ranks = np.zeros(len(scores), dtype=np.intp)
    ranks[top] = _PLACES[1 : len(top) + 1]
    return ranks


@lru_cache(maxsize=64)
def _shares(weight: float, best: float) -> NDArray[np.float64]:
    """What each rank up to DEPTH adds to a score."""
    return np.where(_PLACES > 0, weight / (K + _PLACES), 0.0) / best


def _falling(total: NDArray[np.float64], k: int, edge: float) -> NDArray[np.intp]:
    """The places of the `k` highest of `total`, highest first, ties by place; most likely these reach `edge`."""
    (near,) = (total >= edge).nonzero()
    if len(near) < k:
        near = np.arange(len(total))
    return near[(-total[near]).argsort(kind="stable")[:k]]
