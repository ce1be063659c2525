"""One query through one artefact: understand, embed, search, filter, fuse, explain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlops.recommendation import Answer, Hit, Signal
from mlops.retrieval.facets import allowed
from mlops.retrieval.features import Seen
from mlops.retrieval.fusion import DEPTH, Ranking, fuse
from mlops.retrieval.selection import distinct, highest
from mlops.retrieval.understanding import Understood, understand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Ask, Filters, Language
    from mlops.retrieval.fusion import Fused
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.lexical import LexicalIndex
    from mlops.retrieval.rows import Rows
    from mlops.retrieval.semantic import SemanticIndex
    from mlops.retrieval.understanding import Languages

_LETTER = re.compile(r"[^\W\d_]")
_PANTRY = "pantry"


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


class Recommender:
    """Answers questions from one loaded artefact. Safe to call from several threads.

    `learned` orders anew what was found, where the artefact has learned from feedback.
    """

    def __init__(
        self,
        version: str,
        encoder: Encodes,
        indexes: Indexes,
        languages: Languages,
        learned: LearnedRanking | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        self._version = version
        self._encoder = encoder
        self._indexes = indexes
        self._languages = languages
        self._kernel = kernel
        self.learned = learned

    def recommend(self, ask: Ask) -> Answer:
        """Rank recipes for `ask`; no hit at all is an outcome with a note that says why."""
        clock = _Laps()
        query = understand(ask, self._languages)
        clock.lap("translate")
        if _says_nothing(query):
            return self._answer(query, (), clock, ("the query holds no word to search for",))
        passed = None if query.filters.empty else self._passed(query.filters)
        if passed is not None and not passed.any():
            return self._answer(query, (), clock, ("no recipe of this model meets every filter",))
        vector = self._encoder.encode([query.english])[0]
        clock.lap("embed")
        seen = self._search(query, vector, passed)
        clock.lap("search")
        fused, signals = self._rank(seen, None, ask.k)
        clock.lap("rank")
        return self._answer(query, self._hits(seen, fused, ask.k, signals, query.language), clock, ())

    def relearned(self, learned: LearnedRanking) -> Recommender:
        """The same recipes and indexes, ordered by `learned`."""
        return Recommender(self._version, self._encoder, self._indexes, self._languages, learned, self._kernel)

    def see(self, ask: Ask) -> tuple[Seen, NDArray[np.bool_]] | None:
        """What every ranking says of every recipe, and which pass the filters of `ask`: what a retraining learns from.

        None where the query holds no word or no recipe passes.
        """
        query = understand(ask, self._languages)
        passed = self._passed(query.filters)
        if _says_nothing(query) or not passed.any():
            return None
        everything = np.arange(len(passed))
        return self._look(query, self._encoder.encode([query.english])[0], everything, self._scores(query)), passed

    def order(self, seen: Seen, passed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The documents that are found at all, in the order in which `recommend` would answer them."""
        return self._rank(seen, passed, len(passed))[0].documents

    def _search(self, query: Understood, vector: NDArray[np.float32], passed: NDArray[np.bool_] | None) -> Seen:
        """Look at the recipes that the fusion may rank: the best of every ranking, filters applied."""
        words, found = {}, [self._indexes.semantic.nearest(vector, passed, DEPTH)]
        for name, index, text in self._worded(query):
            words[name], best = index.best(text, passed, DEPTH)
            found.append(best)
        if query.pantry is not None:
            words[_PANTRY] = self._coverage(query.pantry)
            found.append(highest(words[_PANTRY], passed, 0.0, DEPTH, self._kernel))
        return self._look(query, vector, distinct(found), words)

    def _scores(self, query: Understood) -> dict[str, NDArray[np.float32]]:
        """What the words of the query say of every recipe, float32 (recipes,) by ranking."""
        scores = {name: index.scores(text) for name, index, text in self._worded(query)}
        if query.pantry is not None:
            scores[_PANTRY] = self._coverage(query.pantry)
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
        if self.learned is not None:
            adapted = self._indexes.semantic.cosines(self.learned.adapter(vector), documents)
        # A cosine may be negative and still be the best there is.
        rankings = [Ranking(name="semantic", scores=semantic, floor=-np.inf)]
        rankings += [Ranking(name=name, scores=scores[documents]) for name, scores in words.items() if name != _PANTRY]
        coverage = words[_PANTRY][documents] if _PANTRY in words else None
        return Seen(
            query=query,
            vector=vector,
            documents=documents,
            rankings=tuple(rankings),
            coverage=coverage,
            adapted=adapted,
        )

    def _rank(self, seen: Seen, passed: NDArray[np.bool_] | None, k: int) -> tuple[Fused, tuple[Ranking, ...]]:
        """The best `k` at least, and the rankings that explain them, in the order of the shares."""
        signals = seen.rankings
        if seen.coverage is not None:
            signals = (Ranking(name=_PANTRY, scores=seen.coverage), *signals)
        if self.learned is None:
            return fuse(seen.rankings, passed, k, seen.coverage), signals
        reranked, learned = self.learned.rerank(seen, fuse(seen.rankings, passed, len(seen.documents), seen.coverage))
        return reranked, (*signals, learned)

    def _coverage(self, groups: tuple[frozenset[str], ...]) -> NDArray[np.float32]:
        """The share of the pantry's groups that a recipe has, float32 (recipes,)."""
        counts = np.zeros(len(self._indexes.facets), dtype=np.float32)
        for group in groups:
            counts += self._indexes.parts.holding(group)
        return counts / np.float32(max(len(groups), 1))

    def _passed(self, filters: Filters) -> NDArray[np.bool_]:
        passed = allowed(self._indexes.facets, filters)
        if filters.without_ingredients:
            passed &= ~self._indexes.parts.holding(filters.without_ingredients)
        return passed

    def _hits(
        self, seen: Seen, fused: Fused, k: int, rankings: tuple[Ranking, ...], language: Language
    ) -> tuple[Hit, ...]:
        places = fused.documents[:k]
        by_ranking = [
            _signals(ranking.name, ranks[:k].tolist(), ranking.scores[places].tolist(), shares[:k].tolist())
            for ranking, ranks, shares in zip(rankings, fused.ranks, fused.shares, strict=True)
        ]
        hits = []
        rows = self._indexes.rows.of(seen.documents[places].tolist())
        for row, score, *signals in zip(rows, fused.scores[:k].tolist(), *by_ranking, strict=True):
            shown, translated = _in_language(row, language)
            hits.append(Hit(id=row["id"], score=score, recipe=shown, signals=tuple(signals), translated=translated))
        return tuple(hits)

    def _answer(self, query: Understood, hits: tuple[Hit, ...], clock: _Laps, notes: tuple[str, ...]) -> Answer:
        clock.lap("assemble")
        return Answer(
            hits=hits,
            language=query.language,
            query_en=query.english,
            # An answer of which nothing is in the reader's language is not a translated one, however well it was asked.
            translated=query.translated and (not hits or any(hit.translated for hit in hits)),
            filters=query.filters,
            version=self._version,
            notes=(*query.notes, *notes),
            timings=clock.milliseconds,
        )


def _signals(name: str, ranks: list[int], scores: list[float], shares: list[float]) -> list[Signal]:
    """What one ranking said of every hit."""
    return [
        Signal(name=name, rank=rank or None, score=score, contribution=share)
        for rank, score, share in zip(ranks, scores, shares, strict=True)
    ]


def _says_nothing(query: Understood) -> bool:
    return not _LETTER.search(query.english) and query.pantry is None and query.filters.empty


class _Laps:
    """Milliseconds from one lap to the next, by name."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.milliseconds[name] = (now - self._last) * 1000
        self._last = now


def _in_language(row: dict[str, Any], language: Language) -> tuple[dict[str, Any], bool]:
    """Change `row` to what a reader of `language` is shown; and say whether all of its text is in that language."""
    spanish = row.pop("es", None)
    if language == "en":
        return row, True
    if spanish is None:
        return row, False
    return row | {key: spanish[key] for key in ("title", "ingredients", "steps")}, bool(spanish["complete"])
