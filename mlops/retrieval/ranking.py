"""What was seen of recipes into one order, and why each is where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlops.retrieval.fusion import Ranking, fuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.retrieval.features import Seen
    from mlops.retrieval.fusion import Fused
    from mlops.retrieval.learned_ranking import LearnedRanking

PANTRY, SEMANTIC, LEXICAL, SPANISH = "pantry", "semantic", "lexical", "lexical_es"


class Said(NamedTuple):
    """What one ranking said of each that was found: its rank there from 1 (0: none), its score, and its share."""

    name: str
    ranks: list[int]
    scores: list[float]
    shares: list[float]


class Found(NamedTuple):
    """The best recipes by their numbers, the best first, their fused scores, and what each ranking said of them."""

    documents: list[int]
    scores: list[float]
    said: list[Said]

    def first(self, k: int) -> Found:
        """The best `k` of them."""
        if len(self.documents) <= k:
            return self
        said = [Said(name, ranks[:k], scores[:k], shares[:k]) for name, ranks, scores, shares in self.said]
        return Found(self.documents[:k], self.scores[:k], said)


def rank(
    seen: Seen, passed: NDArray[np.bool_] | None, k: int, learned: LearnedRanking | None, kernel: Kernel | None
) -> tuple[Fused, tuple[Ranking, ...]]:
    """The best `k` at least, and the rankings that explain them, in the order of the shares."""
    signals = seen.rankings
    if seen.coverage is not None:
        signals = (Ranking(name=PANTRY, scores=seen.coverage), *signals)
    if learned is None:
        return fuse(seen.rankings, passed, k, seen.coverage, kernel), signals
    found = fuse(seen.rankings, passed, len(seen.documents), seen.coverage, kernel)
    reranked, of_learned = learned.rerank(seen, found)
    return reranked, (*signals, of_learned)


def found_in(seen: Seen, k: int, learned: LearnedRanking | None, kernel: Kernel | None) -> Found:
    """The best `k` of what was seen."""
    fused, rankings = rank(seen, None, k, learned, kernel)
    places = fused.documents[:k]
    every = zip(rankings, fused.ranks, fused.shares, strict=True)
    return Found(
        seen.documents[places].tolist(),
        fused.scores[:k].tolist(),
        [
            Said(ranking.name, ranks[:k].tolist(), ranking.scores[places].tolist(), shares[:k].tolist())
            for ranking, ranks, shares in every
        ],
    )
