"""One query through one artefact: understand, embed, search, filter, fuse, explain."""

from __future__ import annotations

import re
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops.recommendation import Answer, Hit, Signal
from mlops.retrieval.laps import Laps
from mlops.retrieval.ranking import rank
from mlops.retrieval.search import Search
from mlops.retrieval.understanding import Understood, understand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Ask, Language
    from mlops.retrieval.features import Seen
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.ranking import Found
    from mlops.retrieval.search import Encodes, Indexes
    from mlops.retrieval.understanding import Languages

_LETTER = re.compile(r"[^\W\d_]")


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
        self._search = Search(encoder, indexes, learned, kernel)
        self.learned = learned

    def recommend(self, ask: Ask) -> Answer:
        """Rank recipes for `ask`; no hit at all is an outcome with a note that says why."""
        return self.recommend_all((ask,))[0]

    def recommend_all(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer `asks` side by side, each step of all before the next: the same answers as one by one.

        A step finds the processor's caches as the same step left them, and not as the encoder's ten megabytes did; and
        lets go of the interpreter once for all of them. Of four questions each takes a fifth less than alone.
        """
        begun = [self._begin(ask) for ask in asks]
        sought = [each for each in begun if isinstance(each, _Question)]
        found = iter(self._find(sought) if sought else ())
        return [next(found) if isinstance(each, _Question) else each for each in begun]

    def _begin(self, ask: Ask) -> _Question | Answer:
        """Understand `ask`, and answer at once what nothing need be searched for."""
        laps = Laps()
        query = understand(ask, self._languages)
        laps.lap("translate")
        if _says_nothing(query):
            return self._answer(query, (), laps.milliseconds, ("the query holds no word to search for",))
        passed = None if query.filters.empty else self._search.passed(query.filters)
        if passed is not None and not passed.any():
            return self._answer(query, (), laps.milliseconds, ("no recipe of this model meets every filter",))
        return _Question(query, passed, ask.k, laps.milliseconds)

    def _find(self, questions: Sequence[_Question]) -> list[Answer]:
        laps = Laps(len(questions))
        queries, most = [each.query for each in questions], max(each.k for each in questions)
        found = self._search.find(queries, [each.passed for each in questions], most, laps)
        hits = self._hits(questions, found)
        laps.lap("assemble")
        return [
            self._answer(each.query, of_one, each.milliseconds | laps.milliseconds, ())
            for each, of_one in zip(questions, hits, strict=True)
        ]

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
        return self._search.everything(query), passed

    def order(self, seen: Seen, passed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The documents that are found at all, in the order in which `recommend` would answer them."""
        return rank(seen, passed, len(passed), self.learned, self._kernel)[0].documents

    def _hits(self, questions: Sequence[_Question], found: Sequence[Found]) -> list[tuple[Hit, ...]]:
        wanted = [of_one.first(each.k) for each, of_one in zip(questions, found, strict=True)]
        rows = iter(self._indexes.rows.of([document for of_one in wanted for document in of_one.documents]))
        return [
            _hits_of(islice(rows, len(of_one.documents)), of_one, each.query.language)
            for each, of_one in zip(questions, wanted, strict=True)
        ]

    def _answer(
        self, query: Understood, hits: tuple[Hit, ...], milliseconds: Mapping[str, float], notes: tuple[str, ...]
    ) -> Answer:
        return Answer(
            hits=hits,
            language=query.language,
            query_en=query.english,
            # An answer of which nothing is in the reader's language is not a translated one, however well it was asked.
            translated=query.translated and (not hits or any(hit.translated for hit in hits)),
            filters=query.filters,
            version=self._version,
            notes=(*query.notes, *notes),
            timings=milliseconds,
        )


class _Question(NamedTuple):
    """A question that is searched for, and what it took until then."""

    query: Understood
    passed: NDArray[np.bool_] | None
    k: int
    milliseconds: dict[str, float]


def _hits_of(rows: Iterable[dict[str, Any]], found: Found, language: Language) -> tuple[Hit, ...]:
    by_ranking = [_signals(*said) for said in found.said]
    hits = []
    for row, score, *signals in zip(rows, found.scores, *by_ranking, strict=True):
        shown, translated = _in_language(row, language)
        hits.append(Hit(id=row["id"], score=score, recipe=shown, signals=tuple(signals), translated=translated))
    return tuple(hits)


def _signals(name: str, ranks: list[int], scores: list[float], shares: list[float]) -> Iterator[Signal]:
    """What one ranking said of every hit."""
    places = [rank or None for rank in ranks]
    return map(Signal._make, zip(repeat(name), places, scores, shares))


def _says_nothing(query: Understood) -> bool:
    return not _LETTER.search(query.english) and query.pantry is None and query.filters.empty


def _in_language(row: dict[str, Any], language: Language) -> tuple[dict[str, Any], bool]:
    """Change `row` to what a reader of `language` is shown; and say whether all of its text is in that language."""
    spanish = row.pop("es", None)
    if language == "en":
        return row, True
    if spanish is None:
        return row, False
    return row | {key: spanish[key] for key in ("title", "ingredients", "steps")}, bool(spanish["complete"])
