"""What a learned ranking must not lose, whatever the feedback says: questions with answers that are known without it.

The judged sample where the corpus holds it, else recipes by their titles; and recipes by their Spanish titles. Others,
by titles that are not among these, are mixed into the training, so that clicks on other kinds of question do not make
it forget.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mlops.evaluation import Query, evaluate
from mlops.evaluation.gates import Gate, judge
from mlops.judgement import decimal_of
from mlops.learning.verdict import Demand
from mlops.recipe import Recipe
from mlops.training import evaluation_set, spanish_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.artifact.builder import Progress
    from mlops.evaluation import EvaluationReport
    from mlops.recommendation import Language, Recommends
    from mlops.retrieval.rows import Rows
    from mlops.translation.language import LanguageDetector

SPANISH_TITLES = 50
KIND = "known_item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """Queries and their grades by language; `titles` are those left for the training, by document and language."""

    queries: Mapping[Language, Sequence[Query]]
    qrels: Mapping[str, Mapping[str, int]]
    corpus: Sequence[str]
    titles: Mapping[int, Mapping[Language, str]]


def anchors_of(rows: Rows, detector: LanguageDetector, seed: int) -> Anchors:
    """Draw the anchors from the recipes of an artefact; `seed` is that of its training."""
    recipes = [
        Recipe.from_row({key: value for key, value in rows[document].items() if key != "es"})
        for document in range(len(rows))
    ]
    judged, grades = evaluation_set(recipes, seed)
    spanish = [(recipe, title) for recipe in recipes if (title := spanish_title(recipe, detector))]
    # A fixed stride over ids, which say nothing of a recipe.
    stride = max(len(spanish) // SPANISH_TITLES, 2)
    held = [pair for place, pair in enumerate(spanish) if place % stride == 0][: 2 * SPANISH_TITLES]
    by_title = tuple(Query(qid=f"title-es-{recipe.id}", kind=KIND, text_es=title) for recipe, title in held)
    qrels = {**grades, **{f"title-es-{recipe.id}": {recipe.id: 2} for recipe, _ in held}}
    taken = {document for by_document in qrels.values() for document in by_document} if _titles(judged) else set()
    taken |= {recipe.id for recipe, _ in held}
    titles: dict[int, dict[Language, str]] = {}
    names = {recipe.id: title for recipe, title in spanish}
    for document, recipe in enumerate(recipes):
        if recipe.id not in taken:
            titles[document] = {"en": recipe.title}
            if recipe.id in names:
                titles[document]["es"] = names[recipe.id]
    return Anchors(
        queries={"en": judged, "es": (*(query for query in judged if query.text_es), *by_title)},
        qrels=qrels,
        corpus=[recipe.id for recipe in recipes],
        titles=titles,
    )


def measure(
    recommender: Recommends, anchors: Anchors, clock: Callable[[], float], progress: Progress
) -> dict[Language, EvaluationReport]:
    """Evaluate on the anchors of each language that has any."""
    reports: dict[Language, EvaluationReport] = {}
    for language, queries in anchors.queries.items():
        if queries:
            reports[language] = evaluate(
                recommender,
                queries,
                anchors.qrels,
                language=language,
                clock=clock,
                progress=lambda done, total, name=language: progress(f"anchors {name}", done, total),  # type: ignore[misc]
                corpus=anchors.corpus,
            )
    return reports


def judge_anchors(
    candidate: Mapping[Language, EvaluationReport],
    production: Mapping[Language, EvaluationReport],
    tolerated_loss: float,
    seed: int,
) -> list[Demand]:
    """Demand of each kind of question, in each language, that it loses no more than is tolerated."""
    gate = Gate(metric="ndcg@10", min_absolute_change=-decimal_of(tolerated_loss))
    demands = []
    for language, report in candidate.items():
        before = production[language].per_query(gate.metric)
        for kind in sorted({result.kind for result in report.results}):
            qids = {result.qid for result in report.results if result.kind == kind}
            now = {qid: value for qid, value in report.per_query(gate.metric).items() if qid in qids}
            demands.append(Demand.of(f"{kind} {language}", judge(gate, now, before, seed=seed)))
        invalid = Gate(metric="invalid-outputs", threshold=Decimal(0), rises=False)
        demands.append(
            Demand.of(f"answers {language}", judge(invalid, report.per_query(invalid.metric), None, seed=seed))
        )
    return demands


def _titles(queries: Sequence[Query]) -> bool:
    """Whether the queries are recipes' own titles, which the training must then not see."""
    return any(query.qid.startswith("known-") for query in queries)
