"""What an artefact's indexes say of a question: the recipes that are worth ranking, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlops.retrieval.facets import allowed
from mlops.retrieval.features import Seen
from mlops.retrieval.fusion import DEPTH, Ranking
from mlops.retrieval.selection import distinct, highest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Filters
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.lexical import LexicalIndex
    from mlops.retrieval.rows import Rows
    from mlops.retrieval.semantic import SemanticIndex
    from mlops.retrieval.understanding import Understood

PANTRY = "pantry"
# Sets of filters whose recipes are remembered, a byte for each.
_FILTERS = 8


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
        # What many ask for, such as "vegan". A method would do, but hold on to the indexes of a model that is gone.
        self._passed = lru_cache(maxsize=_FILTERS)(partial(_passed, indexes))

    def passed(self, filters: Filters) -> NDArray[np.bool_]:
        """Return bool (recipes,), which nobody may change: which meet every filter."""
        return self._passed(filters)

    def best(
        self, queries: Sequence[Understood], vectors: NDArray[np.float32], passed: Sequence[NDArray[np.bool_] | None]
    ) -> list[Seen]:
        """Look, for each, at the recipes that the fusion may rank: the best of every ranking, filters applied.

        `vectors` float32 (queries, dimension); None `passed` where no filter is set. Of several queries a step is done
        for all before the next: in one call of the kernel, where there is one.
        """
        nearest = self._indexes.semantic.nearest(vectors, passed, DEPTH)
        read = self._read(queries, passed)
        documents = [distinct([near, *words.best]) for near, words in zip(nearest, read, strict=True)]
        return self._look(queries, vectors, documents, read)

    def everything(self, query: Understood, vector: NDArray[np.float32]) -> Seen:
        """Look at every recipe."""
        every = np.arange(len(self._indexes.facets))
        return self._look([query], vector[None], [every], self._read([query], [None]))[0]

    def _read(self, queries: Sequence[Understood], passed: Sequence[NDArray[np.bool_] | None]) -> list[_Words]:
        """What the words of each say of every recipe."""
        read = [_Words({}, []) for _ in queries]
        for name, index, texts in self._worded(queries):
            every, best = index.best(list(texts.values()), [passed[place] for place in texts], DEPTH)
            for place, scores, found in zip(texts, every, best, strict=True):
                read[place].scores[name] = scores
                read[place].best.append(found)
        for query, among, words in zip(queries, passed, read, strict=True):
            if query.pantry is not None:
                words.scores[PANTRY] = self._coverage(query.pantry)
                words.best.append(highest(words.scores[PANTRY], among, 0.0, DEPTH, self._kernel))
        return read

    def _worded(self, queries: Sequence[Understood]) -> Iterator[tuple[str, LexicalIndex, dict[int, str]]]:
        """The rankings by words: their names, indexes, and what these are asked for which of `queries`."""
        yield "lexical", self._indexes.text, {place: query.english for place, query in enumerate(queries)}
        spanish = {place: query.spanish for place, query in enumerate(queries) if query.spanish is not None}
        if spanish and self._indexes.spanish is not None:
            yield "lexical_es", self._indexes.spanish, spanish

    def _look(
        self,
        queries: Sequence[Understood],
        vectors: NDArray[np.float32],
        documents: Sequence[NDArray[np.int64]],
        read: Sequence[_Words],
    ) -> list[Seen]:
        semantic = self._indexes.semantic.cosines(vectors, documents)
        adapted = semantic
        if self._learned is not None:
            turned = np.stack([self._learned.adapter(vector) for vector in vectors])
            adapted = self._indexes.semantic.cosines(turned, documents)
        every = zip(queries, vectors, documents, read, semantic, adapted, strict=True)
        return [_seen(*each) for each in every]

    def _coverage(self, groups: tuple[frozenset[str], ...]) -> NDArray[np.float32]:
        """The share of the pantry's groups that a recipe has, float32 (recipes,)."""
        counts = np.zeros(len(self._indexes.facets), dtype=np.float32)
        for group in groups:
            counts += self._indexes.parts.holding(group)
        return counts / np.float32(max(len(groups), 1))


class _Words(NamedTuple):
    """What rankings by words say: float32 (recipes,) by name, and the places of the best of each."""

    scores: dict[str, NDArray[np.float32]]
    best: list[NDArray[np.int64]]


def _passed(indexes: Indexes, filters: Filters) -> NDArray[np.bool_]:
    passed = allowed(indexes.facets, filters)
    if filters.without_ingredients:
        passed &= ~indexes.parts.holding(filters.without_ingredients)
    passed.setflags(write=False)
    return passed


def _seen(
    query: Understood,
    vector: NDArray[np.float32],
    documents: NDArray[np.int64],
    words: _Words,
    semantic: NDArray[np.float32],
    adapted: NDArray[np.float32],
) -> Seen:
    scores = {name: of_all[documents] for name, of_all in words.scores.items()}
    coverage = scores.pop(PANTRY, None)
    return Seen(
        query=query,
        vector=vector,
        documents=documents,
        rankings=(
            # A cosine may be negative and still be the best there is.
            Ranking(name="semantic", scores=semantic, floor=-np.inf),
            *(Ranking(name=name, scores=of_these) for name, of_these in scores.items()),
        ),
        coverage=coverage,
        adapted=adapted,
    )
