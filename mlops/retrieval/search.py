"""What an artefact's indexes say of a question: the recipes that are worth ranking, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.retrieval.facets import allowed
from mlops.retrieval.features import Seen
from mlops.retrieval.fusion import DEPTH, Ranking
from mlops.retrieval.selection import distinct, highest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Filters
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.lexical import LexicalIndex
    from mlops.retrieval.rows import Rows
    from mlops.retrieval.semantic import SemanticIndex
    from mlops.retrieval.understanding import Understood

PANTRY = "pantry"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Indexes:
    """The searchable parts of an artefact, all in the same document order.

    `text` and `parts` are English; `spanish` is None where there is no Spanish.
    """

    semantic: SemanticIndex
    text: LexicalIndex
    parts: LexicalIndex
    spanish: LexicalIndex | None
    facets: NDArray[np.void]
    rows: Rows


class Search:
    """Looks into the indexes; with `learned` also by the vectors that the artefact has learned."""

    def __init__(self, indexes: Indexes, learned: LearnedRanking | None, kernel: Kernel | None) -> None:
        self._indexes = indexes
        self._learned = learned
        self._kernel = kernel

    def passed(self, filters: Filters) -> NDArray[np.bool_]:
        """Return bool (recipes,): which meet every filter."""
        passed = allowed(self._indexes.facets, filters)
        if filters.without_ingredients:
            passed &= ~self._indexes.parts.holding(filters.without_ingredients)
        return passed

    def best(self, query: Understood, vector: NDArray[np.float32], passed: NDArray[np.bool_] | None) -> Seen:
        """Look at the recipes that the fusion may rank: the best of every ranking, filters applied."""
        words, found = {}, [self._indexes.semantic.nearest(vector, passed, DEPTH)]
        for name, index, text in self._worded(query):
            words[name], best = index.best(text, passed, DEPTH)
            found.append(best)
        if query.pantry is not None:
            words[PANTRY] = self._coverage(query.pantry)
            found.append(highest(words[PANTRY], passed, 0.0, DEPTH, self._kernel))
        return self._look(query, vector, distinct(found), words)

    def everything(self, query: Understood, vector: NDArray[np.float32]) -> Seen:
        """Look at every recipe."""
        return self._look(query, vector, np.arange(len(self._indexes.facets)), self._scores(query))

    def _scores(self, query: Understood) -> dict[str, NDArray[np.float32]]:
        """What the words of the query say of every recipe, float32 (recipes,) by ranking."""
        scores = {name: index.scores(text) for name, index, text in self._worded(query)}
        if query.pantry is not None:
            scores[PANTRY] = self._coverage(query.pantry)
        return scores

    def _worded(self, query: Understood) -> list[tuple[str, LexicalIndex, str]]:
        """The rankings by words: their names, indexes and what these are asked."""
        worded = [("lexical", self._indexes.text, query.english)]
        if query.spanish is not None and self._indexes.spanish is not None:
            worded.append(("lexical_es", self._indexes.spanish, query.spanish))
        return worded

    def _look(
        self,
        query: Understood,
        vector: NDArray[np.float32],
        documents: NDArray[np.int64],
        words: Mapping[str, NDArray[np.float32]],
    ) -> Seen:
        semantic = self._indexes.semantic.cosines(vector, documents)
        adapted = semantic
        if self._learned is not None:
            adapted = self._indexes.semantic.cosines(self._learned.adapter(vector), documents)
        # A cosine may be negative and still be the best there is.
        rankings = [Ranking(name="semantic", scores=semantic, floor=-np.inf)]
        rankings += [Ranking(name=name, scores=scores[documents]) for name, scores in words.items() if name != PANTRY]
        coverage = words[PANTRY][documents] if PANTRY in words else None
        return Seen(
            query=query,
            vector=vector,
            documents=documents,
            rankings=tuple(rankings),
            coverage=coverage,
            adapted=adapted,
        )

    def _coverage(self, groups: tuple[frozenset[str], ...]) -> NDArray[np.float32]:
        """The share of the pantry's groups that a recipe has, float32 (recipes,)."""
        counts = np.zeros(len(self._indexes.facets), dtype=np.float32)
        for group in groups:
            counts += self._indexes.parts.holding(group)
        return counts / np.float32(max(len(groups), 1))
