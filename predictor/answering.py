"""What a worker's thread does: questions of one request or of several, answered side by side by the model of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlops.errors import Permanent, Transient
from predictor.answers import recipes_json
from predictor.workers import Outcome, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.recommendation import Answer, Ask, ServedModel

# Of more questions at once each would take hardly less, and wait longer for the others.
AT_ONCE = 8


class ModelFailed(Permanent):
    """The model raised where it should have answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of a question; where that was asked for the recipes of the first as JSON, and all of it packed."""

    answers: Sequence[Answer]
    recipes: bytes = b""
    packed: bytes = b""


@dataclass(frozen=True, slots=True)
class Question:
    """All that one request asks of one model. Its JSON is made by the thread that answers, where it holds up nobody."""

    served: ServedModel
    asks: tuple[Ask, ...]
    pack: Callable[[Answer, bytes], bytes] | None = None

    def __call__(self) -> Answered:
        """Answer by itself.

        Raises ModelFailed, and Transient faults of the model.
        """
        return self.with_answers(_ask_all(self.served, self.asks))

    def with_answers(self, answers: Sequence[Answer]) -> Answered:
        """Give `answers` the form that is wanted."""
        if self.pack is None:
            return Answered(answers)
        recipes = recipes_json(answers[0])
        return Answered(answers, recipes, self.pack(answers[0], recipes))


def answer_together(questions: Sequence[Callable[[], Any]]) -> Sequence[Outcome]:
    """Answer Questions, those of one model side by side."""
    outcomes: dict[int, Outcome] = {}
    by_model: dict[int, list[tuple[int, Question]]] = {}
    for place, question in enumerate(questions):
        assert isinstance(question, Question)  # noqa: S101 - `Recommending` asks for nothing else
        by_model.setdefault(id(question.served), []).append((place, question))
    for asked in by_model.values():
        places = [place for place, _ in asked]
        outcomes.update(zip(places, _side_by_side([question for _, question in asked]), strict=True))
    return [outcomes[place] for place in range(len(questions))]


def _side_by_side(questions: Sequence[Question]) -> Sequence[Outcome]:
    """Where one fails all are asked again, each by itself, for the others are not to blame."""
    if len(questions) == 1:
        return one_by_one(questions)
    try:
        answers = iter(_ask_all(questions[0].served, [ask for question in questions for ask in question.asks]))
        shares = [list(islice(answers, len(question.asks))) for question in questions]
        return [Outcome(result=question.with_answers(share)) for question, share in zip(questions, shares, strict=True)]
    except (Transient, ModelFailed):
        return one_by_one(questions)


def _ask_all(served: ServedModel, asks: Sequence[Ask]) -> list[Answer]:
    try:
        return [
            answer
            for start in range(0, len(asks), AT_ONCE)
            for answer in served.recommender.recommend_all(asks[start : start + AT_ONCE])
        ]
    except Transient:
        raise
    except Exception as error:
        # Whatever a model raises, its text may hold a user's words or a path and must not reach the client.
        raise ModelFailed(f"{served.name} {served.version} failed to answer: {type(error).__name__}") from error
