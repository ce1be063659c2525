"""What was measured of one query, and what was left out. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.recommendation import Language

TOP = 10
DEPTH = 100
NO_DIET = "none"
# Metrics that are percentiles of the response time.
PERCENTILES = {"latency-p50-ms": 50, "latency-p95-ms": 95, "latency-p99-ms": 99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Decisions by kind, as defined in `mlops.evaluation.prediction`; `tn` is None where the corpus is not known."""

    tp: int
    fp: int
    fn: int
    tn: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """One query: how it was asked, what the ranking was worth, and how long the answer took.

    `diet` is what the question was understood to demand, `words` its length, `relevant` the number of documents of
    grade >= 1, `rare` whether these are ones that few want (`mlops.evaluation.beyond_accuracy`), `answered` how many
    recipes came back, `top` the ids of the first ten, `values` the metrics by name.
    """

    qid: str
    kind: str
    language: Language
    diet: str
    words: int
    relevant: int
    rare: bool
    answered: int
    top: tuple[str, ...]
    values: Mapping[str, float]
    counts: Counts
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What the files hold that could not be used; numbers of queries, but `unknown_documents` of judged ids.

    `no_text`: not written in the language asked. `unjudged`: no document of grade >= 1. `unknown_queries`: judged but
    not among the queries. `unknown_documents`: judged but not in the corpus (0 where the corpus is not known).
    """

    no_text: int = 0
    unjudged: int = 0
    unknown_queries: int = 0
    unknown_documents: int = 0
