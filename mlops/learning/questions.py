"""The queries of the feedback, each seen once through the version in production."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from mlops.recommendation import Ask
from mlops.retrieval.analyzer import Analyzer
from mlops.retrieval.features import candidates, features
from mlops.retrieval.fusion import fuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.learning.sessions import Session
    from mlops.recommendation import Language
    from mlops.retrieval.adapter import QueryAdapter
    from mlops.retrieval.features import Seen, Shelf
    from mlops.retrieval.fusion import Fused
    from mlops.retrieval.recommender import Recommender


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A query as it was typed. `meaning` is what it has in common with the same question in other words.

    `order` holds the documents as the version in production ranks them.
    """

    text: str
    meaning: str
    seen: Seen
    fused: Fused
    order: NDArray[np.intp]

    def adapted(self, vectors: NDArray[np.float32], adapter: QueryAdapter) -> Question:
        """The same question as an adapter sees it."""
        seen = replace(self.seen, adapted=vectors @ adapter(self.seen.vector))
        return replace(self, seen=seen)

    def candidates(self) -> NDArray[np.intp]:
        """The documents that a learned ranking would order."""
        return candidates(self.seen, self.fused)

    def features(self, shelf: Shelf, among: NDArray[np.intp], documents: NDArray[np.intp]) -> NDArray[np.float32]:
        """The features of `documents`."""
        return features(self.seen, self.fused, shelf, among, documents)


def most_clicked(sessions: Sequence[Session], most: int) -> list[tuple[str, str]]:
    """The queries with the most choices, by text and language, `most` at most and in alphabetical order."""
    clicks: Counter[tuple[str, str]] = Counter()
    for session in sessions:
        clicks[session.query, session.language] += len(session.liked)
    ranked = sorted(clicks, key=lambda query: (-clicks[query], query))
    return sorted(ranked[:most])


def ask_all(
    recommender: Recommender, wanted: Sequence[tuple[str, str]], progress: Callable[[int, int], None]
) -> dict[tuple[str, str], Question]:
    """See each of the queries `wanted`, by text and language; those that find nothing are left out."""
    questions: dict[tuple[str, str], Question] = {}
    for done, (text, language) in enumerate(wanted, start=1):
        question = see(recommender, Ask(text=text, language=cast("Language", language)))
        if question is not None:
            questions[text, language] = question
        progress(done, len(wanted))
    return questions


def see(recommender: Recommender, ask: Ask) -> Question | None:
    """One question, None where nothing can be found for it."""
    found = recommender.see(ask)
    if found is None:
        return None
    seen, passed = found
    terms = sorted(set(Analyzer("en").terms(seen.query.english)))
    return Question(
        text=ask.text,
        meaning=" ".join(terms) or ask.text,
        seen=seen,
        fused=fuse(seen.rankings, passed, len(passed), seen.coverage),
        order=recommender.order(seen, passed),
    )


def titles_as_questions(
    recommender: Recommender,
    titles: Mapping[int, Mapping[Language, str]],
    seed: int,
    most: int,
    progress: Callable[[int, int], None],
) -> list[tuple[Question, int]]:
    """Recipes asked for by their names, with the document that is meant: what a learned ranking must not forget.

    `titles` has the titles of documents by language; `most` questions of each language are drawn by `seed`.
    """
    drawn: list[tuple[str, Language, int]] = []
    languages: tuple[Language, ...] = ("en", "es")
    for language in languages:
        named = sorted((document, by[language]) for document, by in titles.items() if language in by)
        chosen = random.Random(seed).sample(named, min(most, len(named)))  # noqa: S311 - a sample, not a secret
        drawn += [(text, language, document) for document, text in chosen]
    questions = []
    for done, (text, language, document) in enumerate(drawn, start=1):
        question = see(recommender, Ask(text=text, language=language))
        if question is not None and np.isin(document, question.candidates()):
            questions.append((question, document))
        progress(done, len(drawn))
    return questions
