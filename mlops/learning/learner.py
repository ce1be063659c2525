"""From judged questions to an adapter and trees, cross-fitted: nothing is judged by what has seen it.

A feature made by the adapter must look in training as it will in serving, where the query is new. So the questions of
each fold get the cosines of an adapter that was trained without that fold (cross-fitting, Chernozhukov et al. 2018).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.learning.adapter_training import Lesson, train_adapter
from mlops.learning.tree_training import Group, grow
from mlops.retrieval.learned_ranking import LearnedRanking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.learning.judgements import Judgement
    from mlops.learning.questions import Question
    from mlops.learning.tree_training import Grown
    from mlops.retrieval.adapter import QueryAdapter
    from mlops.retrieval.features import Shelf

FOLDS = 5
MOST_WEIGHT = 5.0
# Candidates that nobody was shown stand for the rest of the corpus; they count little, for some would be liked.
UNSEEN, UNSEEN_WEIGHT = 5, 0.5
# A recipe asked for by its name: as sure as a recipe that most choose.
NAMED_ESTIMATE, NAMED_WEIGHT, NAMED_AGAINST = 0.6, 1.0, 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A question with what users made of the recipes they were shown, by document; `fold` is that of its meaning."""

    question: Question
    judgements: Mapping[int, Judgement]
    fold: int

    @property
    def clicks(self) -> int:
        """How often something was chosen."""
        return sum(judgement.clicks for judgement in self.judgements.values())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """What a training made: ready to rank, and with what is needed to write it down.

    `adapter_curve` is the adapter's loss after each step.
    """

    ranking: LearnedRanking
    grown: Grown
    adapter_curve: Sequence[float]


def folds_of(meanings: Iterable[str], seed: int) -> dict[str, int]:
    """Deal the different meanings over the folds."""
    ordered = sorted(set(meanings))
    random.Random(seed).shuffle(ordered)  # noqa: S311 - a split, not a secret
    return {meaning: place % FOLDS for place, meaning in enumerate(ordered)}


class Learner:
    """Trains on `judged`, and keeps the adapters, of which several trainings use the same.

    `named` are recipes asked for by their names, with their documents; `vectors` float32 (recipes, dimension).
    """

    def __init__(
        self,
        judged: Sequence[Judged],
        named: Sequence[tuple[Question, int]],
        vectors: NDArray[np.float32],
        shelf: Shelf,
        seed: int,
    ) -> None:
        self._judged = [each for each in judged if each.clicks]
        self._named = named
        self._vectors = vectors
        self._shelf = shelf
        self._seed = seed
        self._adapters: dict[frozenset[int], QueryAdapter] = {}
        self._losses: dict[frozenset[int], tuple[float, ...]] = {}

    def learn(self, without: int | None = None) -> Learned | None:
        """Train on every fold but `without`; None where nothing is left to learn from."""
        held = frozenset[int]() if without is None else frozenset({without})
        left = [each for each in self._judged if each.fold not in held]
        if not left:
            return None
        adapter = self._adapter(held)
        rng = np.random.default_rng(self._seed)
        groups = [
            self._group(each, each.question.adapted(self._vectors, self._adapter(held | {each.fold})), rng)
            for each in left
        ]
        groups += [
            self._named_group(question.adapted(self._vectors, adapter), meant, rng) for question, meant in self._named
        ]
        grown = grow(groups, self._seed, self._held_out(held))
        ranking = LearnedRanking(adapter=adapter, trees=grown.trees, shelf=self._shelf)
        return Learned(ranking=ranking, grown=grown, adapter_curve=self._losses[held])

    def _held_out(self, held: frozenset[int]) -> list[Group]:
        """What a training that leaves folds out is measured on, as it grows."""
        rng = np.random.default_rng(self._seed)
        adapter = self._adapter(held)
        return [
            self._group(each, each.question.adapted(self._vectors, adapter), rng)
            for each in self._judged
            if each.fold in held
        ]

    def _adapter(self, held: frozenset[int]) -> QueryAdapter:
        """The adapter of all folds but `held`."""
        if held not in self._adapters:
            lessons = [_lesson(each) for each in self._judged if each.fold not in held]
            self._adapters[held], self._losses[held] = train_adapter(lessons, self._vectors, self._seed)
        return self._adapters[held]

    def _group(self, judged: Judged, question: Question, rng: np.random.Generator) -> Group:
        among = question.candidates()
        shown = np.array(sorted(judged.judgements), dtype=np.intp)
        unseen = np.setdiff1d(among, shown)
        unseen = rng.choice(unseen, min(UNSEEN, len(unseen)), replace=False)
        of_shown = [judged.judgements[int(document)] for document in shown]
        return Group(
            rows=question.features(self._shelf, among, np.concatenate([shown, unseen])),
            estimates=np.array([each.estimate for each in of_shown] + [0.0] * len(unseen), dtype=np.float32),
            weights=np.array(
                [min(each.exposure, MOST_WEIGHT) for each in of_shown] + [UNSEEN_WEIGHT] * len(unseen), dtype=np.float32
            ),
        )

    def _named_group(self, question: Question, meant: int, rng: np.random.Generator) -> Group:
        among = question.candidates()
        others = among[among != meant]
        others = rng.choice(others, min(NAMED_AGAINST, len(others)), replace=False)
        estimates = np.zeros(1 + len(others), dtype=np.float32)
        estimates[0] = NAMED_ESTIMATE
        return Group(
            rows=question.features(self._shelf, among, np.concatenate([[meant], others])),
            estimates=estimates,
            weights=np.full(len(estimates), NAMED_WEIGHT, dtype=np.float32),
        )


def _lesson(judged: Judged) -> Lesson:
    documents = np.array(sorted(judged.judgements), dtype=np.intp)
    relevance = np.array([judged.judgements[int(document)].estimate for document in documents], dtype=np.float32)
    return Lesson(vector=judged.question.seen.vector, documents=documents, relevance=relevance, clicks=judged.clicks)
