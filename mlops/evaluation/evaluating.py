"""The evaluation itself: ask every judged query, and hand what came back to those who measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import Invalid, MlopsError
from mlops.evaluation.beyond_accuracy import Demand, coverage, diversity, novelty
from mlops.evaluation.dataset import digest
from mlops.evaluation.findings import Finding, Flaw, findings_in
from mlops.evaluation.report import EvaluationReport
from mlops.evaluation.results import DEPTH, NO_DIET, TOP, Counts, LeftOut, QueryResult
from mlops.recommendation import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mlops.evaluation.dataset import Qrels, Query
    from mlops.recommendation import Filters, Language, Recommends


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    query: Query
    ranking: tuple[str, ...]
    findings: tuple[Finding, ...]
    latency_ms: float
    diet: str = NO_DIET
    diversity: float = 0.0


def evaluate(
    recommender: Recommends,
    queries: Sequence[Query],
    qrels: Qrels,
    *,
    language: Language,
    clock: Callable[[], float],
    progress: Callable[[int, int], None],
    corpus: Collection[str] | None = None,
) -> EvaluationReport:
    """Ask `recommender` for 100 recipes for each query in `language`, and measure the answers.

    `clock` returns seconds; `progress` is told (done, total). `corpus` holds the ids of all recipes that the model
    could have answered: without it coverage, tn, accuracy and specificity are "no data" and ids go unchecked.
    An answer that fails with one of our own errors is a finding and an empty ranking. Raises Invalid when no query can
    be asked: the message says why each fell away.
    """
    known = None if corpus is None else frozenset(corpus)
    chosen, left_out = _choose(queries, qrels, language, known)
    asked: list[_Asked] = []
    for done, query in enumerate(chosen, start=1):
        asked.append(_ask(recommender, query, language, clock, known))
        progress(done, len(chosen))
    results = _results(asked, qrels, language, known)
    # Here and not above: gates and the serving process read this package without scikit-learn.
    from mlops.evaluation.prediction import classify  # noqa: PLC0415 - the reason is the line before

    counts = _sum([result.counts for result in results])
    return EvaluationReport(
        language=language,
        dataset=digest(chosen, qrels, language),
        results=results,
        counts=counts,
        classification=classify(counts),
        coverage=coverage((document for result in results for document in result.top), known or frozenset()),
        findings=tuple(finding for one in asked for finding in one.findings),
        left_out=left_out,
    )


def relevant_in(grades: Mapping[str, int]) -> frozenset[str]:
    """The documents of grade >= 1."""
    return frozenset(document for document, grade in grades.items() if grade >= 1)


def _choose(
    queries: Sequence[Query], qrels: Qrels, language: Language, known: frozenset[str] | None
) -> tuple[list[Query], LeftOut]:
    written = [query for query in queries if query.text(language)]
    chosen = [query for query in written if relevant_in(qrels.get(query.qid, {}))]
    judged = {document for query in chosen for document in qrels[query.qid]}
    left_out = LeftOut(
        no_text=len(queries) - len(written),
        unjudged=len(written) - len(chosen),
        unknown_queries=len(qrels.keys() - {query.qid for query in queries}),
        unknown_documents=0 if known is None else len(judged - known),
    )
    if not chosen:
        raise Invalid(
            f"none of {len(queries)} queries can be asked: {left_out.no_text} have no text in {language!r}, "
            f"{left_out.unjudged} have no document of grade 1 or more",
            hint="do the two files belong together?",
        )
    return chosen, left_out


def _ask(
    recommender: Recommends,
    query: Query,
    language: Language,
    clock: Callable[[], float],
    known: frozenset[str] | None,
) -> _Asked:
    ask = Ask(text=query.text(language) or "", k=DEPTH, language=language)
    start = clock()
    try:
        answer = recommender.recommend(ask)
    except MlopsError as error:
        failed = Finding(flaw=Flaw.FAILED, qid=query.qid, detail=f"{type(error).__name__}: {error.message}")
        return _Asked(query=query, ranking=(), findings=(failed,), latency_ms=(clock() - start) * 1000)
    elapsed = (clock() - start) * 1000
    return _Asked(
        query=query,
        ranking=tuple(hit.id for hit in answer.hits[:DEPTH]),
        findings=tuple(findings_in(query.qid, answer, DEPTH, known)),
        latency_ms=elapsed,
        diet=_diet(answer.filters),
        diversity=diversity([hit.recipe for hit in answer.hits[:TOP]]),
    )


def _diet(filters: Filters) -> str:
    """What the query was understood to leave out, in words: its diets, else that it has an allergen to avoid."""
    return ", ".join(sorted(filters.diets)) or ("without an allergen" if filters.without_allergens else NO_DIET)


def _results(
    asked: Sequence[_Asked], qrels: Qrels, language: Language, known: frozenset[str] | None
) -> tuple[QueryResult, ...]:
    from mlops.evaluation.ranking import ranking_values  # noqa: PLC0415 - gates are read without ir_measures

    values = ranking_values({one.query.qid: one.ranking for one in asked}, qrels)
    demand = Demand.of(relevant_in(qrels[one.query.qid]) for one in asked)
    return tuple(
        _result(one, relevant_in(qrels[one.query.qid]), values[one.query.qid], demand, language, known) for one in asked
    )


def _result(
    one: _Asked,
    relevant: frozenset[str],
    values: Mapping[str, float],
    demand: Demand,
    language: Language,
    known: frozenset[str] | None,
) -> QueryResult:
    top = one.ranking[:TOP]
    return QueryResult(
        qid=one.query.qid,
        kind=one.query.kind,
        language=language,
        diet=one.diet,
        words=len((one.query.text(language) or "").split()),
        relevant=len(relevant),
        rare=demand.for_rare(relevant),
        answered=len(one.ranking),
        top=top,
        values={**values, "diversity@10": one.diversity, "novelty@10": novelty(top, relevant, demand)},
        counts=_count(frozenset(top), relevant, known),
        latency_ms=one.latency_ms,
    )


def _count(top: frozenset[str], relevant: frozenset[str], known: frozenset[str] | None) -> Counts:
    return Counts(
        tp=len(top & relevant),
        fp=len(top - relevant),
        fn=len(relevant - top),
        tn=None if known is None else len(known) - len(known & (top | relevant)),
    )


def _sum(counts: Sequence[Counts]) -> Counts:
    known = [one.tn for one in counts if one.tn is not None]
    return Counts(
        tp=sum(one.tp for one in counts),
        fp=sum(one.fp for one in counts),
        fn=sum(one.fn for one in counts),
        tn=sum(known) if len(known) == len(counts) else None,
    )
