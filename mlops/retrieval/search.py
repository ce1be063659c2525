"""What an artefact's indexes say of a question: the recipes that are worth ranking, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlops.kernel.looking import Given
from mlops.retrieval.facets import allowed
from mlops.retrieval.features import Seen
from mlops.retrieval.fusion import DEPTH, Ranking
from mlops.retrieval.glance import Glance
from mlops.retrieval.ranking import LEXICAL, PANTRY, SEMANTIC, SPANISH, found_in
from mlops.retrieval.selection import distinct, highest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Filters
    from mlops.retrieval.laps import Laps
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.lexical import LexicalIndex
    from mlops.retrieval.ranking import Found
    from mlops.retrieval.rows import Rows
    from mlops.retrieval.semantic import SemanticIndex
    from mlops.retrieval.understanding import Understood

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


class Encodes(Protocol):
    """Turns texts into vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), rows of L2 norm 1."""
        ...


class Search:
    """Looks into the indexes; with `learned` also by the vectors that the artefact has learned, and in its order."""

    def __init__(
        self, encoder: Encodes, indexes: Indexes, learned: LearnedRanking | None, kernel: Kernel | None
    ) -> None:
        self._encoder = encoder
        self._indexes = indexes
        self._learned = learned
        self._kernel = kernel
        self._glance = Glance.over(encoder, indexes, kernel)
        # What many ask for, such as "vegan". A method would do, but hold on to the indexes of a model that is gone.
        self._passed = lru_cache(maxsize=_FILTERS)(partial(_passed, indexes))

    def passed(self, filters: Filters) -> NDArray[np.bool_]:
        """Return bool (recipes,), which nobody may change: which meet every filter."""
        return self._passed(filters)

    def find(
        self, queries: Sequence[Understood], passed: Sequence[NDArray[np.bool_] | None], k: int, laps: Laps
    ) -> list[Found]:
        """Return for each the best `k` of those that `passed`, None where no filter is set.

        Of several queries a step is done for all before the next. `laps` are embed, search and rank.
        """
        if self._glance is None or self._learned is not None:
            seen = self._see(queries, passed, laps)
            found = [found_in(each, k, self._learned, self._kernel) for each in seen]
            laps.lap("rank")
            return found
        given = self._given(queries, passed)
        found, took = self._glance.find([query.english for query in queries], passed, given, k)
        laps.split(embed=took.encoding, search=None, rank=took.fusing)
        return found

    def everything(self, query: Understood) -> Seen:
        """Look at every recipe."""
        vectors = self._encoder.encode([query.english])
        every = np.arange(len(self._indexes.facets))
        return self._look([query], vectors, [every], self._read([query], [None]))[0]

    def _see(self, queries: Sequence[Understood], passed: Sequence[NDArray[np.bool_] | None], laps: Laps) -> list[Seen]:
        """Look, for each, at the recipes that the fusion may rank: the best of every ranking, filters applied."""
        texts = [query.english for query in queries]
        if self._glance is not None:
            vectors, documents, scores, took = self._glance.see(texts, passed, self._given(queries, passed))
            seen = self._seen(queries, vectors, documents, scores)
            laps.split(embed=took.encoding, search=None)
            return seen
        vectors = self._encoder.encode(texts)
        laps.lap("embed")
        nearest = self._indexes.semantic.nearest(vectors, passed, DEPTH)
        read = self._read(queries, passed)
        documents = [
            distinct([near, *(each.leading for each in words.values())])
            for near, words in zip(nearest, read, strict=True)
        ]
        seen = self._look(queries, vectors, documents, read)
        laps.lap("search")
        return seen

    def _read(
        self, queries: Sequence[Understood], passed: Sequence[NDArray[np.bool_] | None]
    ) -> list[dict[str, Given]]:
        """What words say of every recipe, in the order of the rankings."""
        english = self._indexes.text.best([query.english for query in queries], passed, DEPTH)
        every = zip(*english, self._given(queries, passed), strict=True)
        return [{LEXICAL: Given(scores, leading), **given} for scores, leading, given in every]

    def _given(
        self, queries: Sequence[Understood], passed: Sequence[NDArray[np.bool_] | None]
    ) -> list[dict[str, Given]]:
        """The rankings that only some have: by Spanish words, and by what is in their pantry."""
        given: list[dict[str, Given]] = [{} for _ in queries]
        spanish = {place: query.spanish for place, query in enumerate(queries) if query.spanish is not None}
        if spanish and self._indexes.spanish is not None:
            among = [passed[place] for place in spanish]
            every, best = self._indexes.spanish.best(list(spanish.values()), among, DEPTH)
            for place, scores, leading in zip(spanish, every, best, strict=True):
                given[place][SPANISH] = Given(scores, leading)
        for query, only, rankings in zip(queries, passed, given, strict=True):
            if query.pantry is not None:
                scores = self._coverage(query.pantry)
                rankings[PANTRY] = Given(scores, highest(scores, only, 0.0, DEPTH, self._kernel))
        return given

    def _look(
        self,
        queries: Sequence[Understood],
        vectors: NDArray[np.float32],
        documents: Sequence[NDArray[np.int64]],
        read: Sequence[Mapping[str, Given]],
    ) -> list[Seen]:
        cosines = self._indexes.semantic.cosines(vectors, documents)
        scores = [
            {SEMANTIC: semantic, **{name: each.scores[found] for name, each in words.items()}}
            for semantic, found, words in zip(cosines, documents, read, strict=True)
        ]
        return self._seen(queries, vectors, documents, scores)

    def _seen(
        self,
        queries: Sequence[Understood],
        vectors: NDArray[np.float32],
        documents: Sequence[NDArray[np.int64]],
        scores: Sequence[Mapping[str, NDArray[np.float32]]],
    ) -> list[Seen]:
        adapted = [of_one[SEMANTIC] for of_one in scores]
        if self._learned is not None:
            turned = np.stack([self._learned.adapter(vector) for vector in vectors])
            adapted = self._indexes.semantic.cosines(turned, documents)
        return [_seen(*each) for each in zip(queries, vectors, documents, scores, adapted, strict=True)]

    def _coverage(self, groups: tuple[frozenset[str], ...]) -> NDArray[np.float32]:
        """The share of the pantry's groups that a recipe has, float32 (recipes,)."""
        counts = np.zeros(len(self._indexes.facets), dtype=np.float32)
        for group in groups:
            counts += self._indexes.parts.holding(group)
        return counts / np.float32(max(len(groups), 1))


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
    scores: Mapping[str, NDArray[np.float32]],
    adapted: NDArray[np.float32],
) -> Seen:
    return Seen(
        query=query,
        vector=vector,
        documents=documents,
        rankings=tuple(
            # A cosine may be negative and still be the best there is.
            Ranking(name=name, scores=of_these, floor=-np.inf if name == SEMANTIC else 0.0)
            for name, of_these in scores.items()
            if name != PANTRY
        ),
        coverage=scores.get(PANTRY),
        adapted=adapted,
    )
