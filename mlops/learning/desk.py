"""Everything a training works on, looked up once: the queries as production sees them, and what users made of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.artifact import layout
from mlops.learning.anchors import anchors_of
from mlops.learning.judgements import judgements
from mlops.learning.learner import Judged, folds_of
from mlops.learning.position import estimate
from mlops.learning.questions import ask_all, most_clicked
from mlops.retrieval.features import FEATURES, Shelf
from mlops.retrieval.rows import Rows
from mlops.retrieval.term_fields import TermFields
from mlops.translation.glossary import Glossary
from mlops.translation.language import LanguageDetector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.artifact.builder import Progress
    from mlops.learning.anchors import Anchors
    from mlops.learning.judgements import Judgement
    from mlops.learning.position import Exposure
    from mlops.learning.questions import Question
    from mlops.learning.sessions import Session
    from mlops.retrieval.recommender import Recommender


# A question holds four scores of every recipe. Of more queries than fit into this memory the most clicked are taken.
MEMORY = 2 << 30
BYTES_PER_RECIPE = 4 * 4
LEAST_HELD = 200
# What tells a recipe that fits a query from one that does not, whatever a ranking makes of it.
FIT = (
    "semantic",
    "title",
    "title_lead",
    "title_ingredients",
    "foods_title",
    "foods_lead",
    "foods_ingredients",
    "dish_title",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """`anchors` draws the questions that are known anyway (the seed of the artefact), `training` all else."""

    anchors: int
    training: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Desk:
    """The sessions and what is known of them; `documents` maps recipe ids to places in the index."""

    sessions: Sequence[Session]
    questions: Mapping[tuple[str, str], Question]
    anchors: Anchors
    exposure: Exposure
    documents: Mapping[str, int]
    folds: Mapping[str, int]
    vectors: NDArray[np.float32]
    shelf: Shelf

    @classmethod
    def lay(
        cls, folder: Path, recommender: Recommender, sessions: Sequence[Session], *, seeds: Seeds, progress: Progress
    ) -> Desk:
        """See every query of `sessions` through the artefact in `folder`, which `recommender` answers from."""
        rows = Rows.load(folder)
        shelf = Shelf(
            fields=TermFields.build(rows[document] for document in range(len(rows))),
            ingredient_counts=np.load(folder / layout.FACETS, allow_pickle=False)["ingredients"],
        )
        detector = LanguageDetector(Glossary.load(folder / layout.GLOSSARY))
        anchors = anchors_of(rows, detector, seeds.anchors)
        most = max(LEAST_HELD, MEMORY // (len(rows) * BYTES_PER_RECIPE))
        wanted = most_clicked(sessions, most)
        questions = ask_all(recommender, wanted, lambda done, total: progress("read queries", done, total))
        return cls(
            sessions=sessions,
            questions=questions,
            anchors=anchors,
            exposure=estimate(sessions),
            documents={recipe: document for document, recipe in enumerate(anchors.corpus)},
            folds=folds_of((question.meaning for question in questions.values()), seeds.training),
            vectors=np.load(folder / layout.VECTORS, allow_pickle=False).astype(np.float32),
            shelf=shelf,
        )

    def judged(self, sessions: Iterable[Session]) -> list[Judged]:
        """The questions of `sessions`; what is said of one wording holds for all of the same meaning."""
        of_meaning = judgements(sessions, self.exposure, self.meaning)
        found = []
        for question in self.questions.values():
            by_recipe: Mapping[str, Judgement] = of_meaning.get(question.meaning, {})
            known = {self.documents[recipe]: each for recipe, each in by_recipe.items() if recipe in self.documents}
            if known:
                found.append(Judged(question=question, judgements=known, fold=self.folds[question.meaning]))
        return found

    def meaning(self, session: Session) -> str | None:
        """What a session's query has in common with other wordings; None for one that finds nothing."""
        question = self.questions.get((session.query, session.language))
        return None if question is None else question.meaning

    def fits(self) -> dict[tuple[str, str], dict[str, float]]:
        """How well each recipe that was shown for a query fits it, in standard deviations summed over FIT."""
        shown: dict[tuple[str, str], set[str]] = defaultdict(set)
        for session in self.sessions:
            shown[session.query, session.language].update(session.shown)
        columns = [list(FEATURES).index(name) for name in FIT]
        found = {}
        for key, question in self.questions.items():
            known = sorted(recipe for recipe in shown[key] if recipe in self.documents)
            if len(known) < _LEAST_KNOWN:
                continue
            at = np.array([self.documents[recipe] for recipe in known], dtype=np.intp)
            described = question.features(self.shelf, question.candidates(), at)[:, columns]
            total = sum(_standard(described[:, column]) for column in range(len(columns)))
            found[key] = dict(zip(known, np.asarray(total).tolist(), strict=True))
        return found


# One recipe alone fits neither better nor worse.
_LEAST_KNOWN = 2


def _standard(values: NDArray[np.float32]) -> NDArray[np.float64]:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0), dtype=np.float64)
