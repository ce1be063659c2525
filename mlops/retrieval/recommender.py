"""One query through one artefact: understand, embed, search, filter, fuse, explain."""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from mlops.recommendation import Answer, Hit, Signal
from mlops.retrieval.fusion import Ranking, fuse
from mlops.retrieval.search import PANTRY, Search
from mlops.retrieval.understanding import Understood, understand

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Ask, Language
    from mlops.retrieval.features import Seen
    from mlops.retrieval.fusion import Fused
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.search import Indexes
    from mlops.retrieval.understanding import Languages

    # A vector, float32 (dimension,), and the milliseconds that it took.
    _Embedded = tuple[NDArray[np.float32], float]

_LETTER = re.compile(r"[^\W\d_]")


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
        self._search = Search(indexes, learned, kernel)
        self.learned = learned

    def recommend(self, ask: Ask) -> Answer:
        """Rank recipes for `ask`; no hit at all is an outcome with a note that says why."""
        return self.recommend_all((ask,))[0]

    def recommend_all(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer `asks` side by side, each step of all before the next: the same answers as one by one.

        A step finds the processor's caches as the same step left them, and not as the encoder's ten megabytes did: of
        four questions each takes a fifth less than alone.
        """
        running = {place: self._answering(ask) for place, ask in enumerate(asks)}
        answers: dict[int, Answer] = {}
        texts = _step(running, answers, {})
        vectors = self._embed(texts)
        while running:
            _step(running, answers, vectors)
            vectors = {}
        return [answers[place] for place in range(len(asks))]

    def _embed(self, texts: Mapping[int, str]) -> dict[int, _Embedded]:
        """The vector of each text, and its share of the milliseconds that they took together."""
        if not texts:
            return {}
        clock = _Laps()
        vectors = self._encoder.encode(list(texts.values()))
        clock.lap("embed")
        return dict(zip(texts, ((vector, clock.milliseconds["embed"] / len(texts)) for vector in vectors), strict=True))

    def _answering(self, ask: Ask) -> Generator[str, _Embedded | None, Answer]:
        """Answer one question, pausing after each step: first with the text that it wants embedded."""
        clock = _Laps()
        query = understand(ask, self._languages)
        clock.lap("translate")
        if _says_nothing(query):
            return self._answer(query, (), clock, ("the query holds no word to search for",))
        passed = None if query.filters.empty else self._search.passed(query.filters)
        if passed is not None and not passed.any():
            return self._answer(query, (), clock, ("no recipe of this model meets every filter",))
        embedded = yield query.english
        assert embedded is not None  # noqa: S101 - what asked for a vector is sent one
        vector, clock.milliseconds["embed"] = embedded
        clock.start()
        seen = self._search.best(query, vector, passed)
        clock.lap("search")
        yield ""
        clock.start()
        fused, signals = self._rank(seen, None, ask.k)
        clock.lap("rank")
        yield ""
        clock.start()
        return self._answer(query, self._hits(seen, fused, ask.k, signals, query.language), clock, ())

    def relearned(self, learned: LearnedRanking) -> Recommender:
        """The same recipes and indexes, ordered by `learned`."""
        return Recommender(self._version, self._encoder, self._indexes, self._languages, learned, self._kernel)

    def see(self, ask: Ask) -> tuple[Seen, NDArray[np.bool_]] | None:
        """What every ranking says of every recipe, and which pass the filters of `ask`: what a retraining learns from.

        None where the query holds no word or no recipe passes.
        """
        query = understand(ask, self._languages)
        passed = self._search.passed(query.filters)
        if _says_nothing(query) or not passed.any():
            return None
        return self._search.everything(query, self._encoder.encode([query.english])[0]), passed

    def order(self, seen: Seen, passed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The documents that are found at all, in the order in which `recommend` would answer them."""
        return self._rank(seen, passed, len(passed))[0].documents

    def _rank(self, seen: Seen, passed: NDArray[np.bool_] | None, k: int) -> tuple[Fused, tuple[Ranking, ...]]:
        """The best `k` at least, and the rankings that explain them, in the order of the shares."""
        signals = seen.rankings
        if seen.coverage is not None:
            signals = (Ranking(name=PANTRY, scores=seen.coverage), *signals)
        if self.learned is None:
            return fuse(seen.rankings, passed, k, seen.coverage), signals
        reranked, learned = self.learned.rerank(seen, fuse(seen.rankings, passed, len(seen.documents), seen.coverage))
        return reranked, (*signals, learned)

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


def _step(
    running: dict[int, Generator[str, _Embedded | None, Answer]],
    answers: dict[int, Answer],
    vectors: Mapping[int, _Embedded],
) -> dict[int, str]:
    """Have each that is running take one step; put what ends into `answers`, and return what the others say."""
    said = {}
    for place, answering in list(running.items()):
        try:
            said[place] = answering.send(vectors.get(place))
        except StopIteration as ended:
            answers[place] = ended.value
            del running[place]
    return said


def _says_nothing(query: Understood) -> bool:
    return not _LETTER.search(query.english) and query.pantry is None and query.filters.empty


class _Laps:
    """Milliseconds from one lap to the next, by name."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self.start()

    def start(self) -> None:
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
