"""The tables of `make bench-quality`, and the figures that issue 3 asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, get_args

import numpy as np

from mlops.cli.console import answers, print_table
from mlops.evaluation import EvaluationReport
from mlops.recommendation import Language
from tests.bench.constraint_queries import CONSTRAINT_QUERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.constraint_check import Violations

Reports: TypeAlias = Mapping[tuple[str, Language], EvaluationReport]

SYSTEMS = {"bm25": "BM25 only", "minilm": "MiniLM only", "hybrid": "hybrid"}
METRICS = ("ndcg@10", "mrr@10", "recall@100")
LANGUAGES: tuple[Language, ...] = get_args(Language)
LEAST_SPANISH_SHARE = 0.7
ALL = "all"


def print_reports(reports: Reports) -> None:
    """A table per language, Spanish beside English, and latencies."""
    for language in LANGUAGES:
        _print_language(reports, language)
    rows = [
        (
            kind,
            *(f"{value(reports, 'hybrid', language, kind):.3f}" for language in LANGUAGES),
            f"{ratio(reports, kind):.0%}",
        )
        for kind in kinds(reports)
    ]
    print_table("Spanish against English, hybrid NDCG@10", ("kind", *LANGUAGES, "es/en"), rows)
    latencies = [(name, language, report.to_json()["latency_ms"]) for (name, language), report in reports.items()]
    print_table(
        "Latency, ms, 100 recipes asked for",
        ("system", "language", "p50", "p95"),
        [(SYSTEMS[name], language, f"{ms['p50']:.1f}", f"{ms['p95']:.1f}") for name, language, ms in latencies],
    )


def print_violations(violations: Sequence[Violations]) -> None:
    """A line for each way to ask, and every violation but those of the control."""
    print_table(
        f"Constraint queries: {len(CONSTRAINT_QUERIES)} each way, top ten",
        ("asked", "recipes shown", "empty answers", "violations"),
        [(one.way, one.shown, one.empty, len(one.broken)) for one in violations],
    )
    for one in violations:
        for line in () if one.control else one.broken:
            answers.print(f"  {one.way}: {line}", markup=False, soft_wrap=True)


def print_figures(reports: Reports, violations: Sequence[Violations]) -> bool:
    """Print every figure with its arithmetic; true when all are reached."""
    figures = list(_figures(reports, violations))
    for text, reached in figures:
        answers.print(f"{'reached' if reached else 'MISSED '}  {text}", markup=False, soft_wrap=True)
    return all(reached for _, reached in figures)


def _figures(reports: Reports, violations: Sequence[Violations]) -> Iterator[tuple[str, bool]]:
    for kind in kinds(reports):
        plain = max(value(reports, name, "en", kind) for name in ("bm25", "minilm"))
        hybrid = value(reports, "hybrid", "en", kind)
        reached, wanted = (hybrid > plain, "above") if kind == ALL else (hybrid >= plain, "at least")
        yield f"{kind}: hybrid {hybrid:.3f}, {wanted} the better plain ranking {plain:.3f} (NDCG@10, en)", reached
    share = ratio(reports, ALL)
    yield f"Spanish is {share:.0%} of English, at least {LEAST_SPANISH_SHARE:.0%}", share >= LEAST_SPANISH_SHARE
    broken = sum(len(one.broken) for one in violations if not one.control)
    yield f"{broken} violations in the top ten of constraint queries, 0 allowed", broken == 0


def kinds(reports: Reports) -> list[str]:
    """The kinds of query, and the name that stands for all of them."""
    return [*sorted({result.kind for result in reports["hybrid", "en"].results}), ALL]


def value(reports: Reports, system: str, language: Language, kind: str, metric: str = "ndcg@10") -> float:
    """The mean of `metric` over the queries of `kind`."""
    results = [one for one in reports[system, language].results if kind in (one.kind, ALL)]
    return float(np.mean([one.values[metric] for one in results]))


def ratio(reports: Reports, kind: str) -> float:
    """NDCG@10 of the hybrid in Spanish as a share of the English one."""
    return value(reports, "hybrid", "es", kind) / value(reports, "hybrid", "en", kind)


def _print_language(reports: Reports, language: Language) -> None:
    rows = [
        (kind, metric, *(f"{value(reports, name, language, kind, metric):.3f}" for name in SYSTEMS))
        for kind in kinds(reports)
        for metric in METRICS
    ]
    n = reports["hybrid", language].n
    print_table(f"{n} queries in {language}", ("kind", "metric", *SYSTEMS.values()), rows)
