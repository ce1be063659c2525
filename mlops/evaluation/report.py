"""The report of an evaluation, and its JSON, which `report_schema.json` describes.

What was not measured is the string "no data", never a number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.evaluation.findings import Flaw
from mlops.evaluation.slices import means, slices

if TYPE_CHECKING:
    from mlops.evaluation.findings import Finding
    from mlops.evaluation.prediction import Classification, RatingErrors
    from mlops.evaluation.results import Counts, LeftOut, QueryResult
    from mlops.recommendation import Language

SCHEMA_VERSION = 2
NO_DATA = "no data"
# More examples than this help nobody; the counts are complete.
EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """One artefact on one set of queries in one language. `results` holds at least one query.

    `dataset` is the digest of queries and judgements; `coverage` the share of the corpus that is among the first ten of
    some answer, None where the corpus is not known; `ratings` is None where no ratings exist.
    """

    language: Language
    dataset: str
    results: tuple[QueryResult, ...]
    counts: Counts
    classification: Classification
    coverage: float | None
    findings: tuple[Finding, ...]
    left_out: LeftOut
    ratings: RatingErrors | None = None

    @property
    def n(self) -> int:
        """The number of queries that were asked."""
        return len(self.results)

    def metrics(self) -> dict[str, float]:
        """Every number by name that is the same in each run: no latencies, and nothing that was not measured."""
        measured = means(self.results) | {
            "coverage": self.coverage,
            **asdict(self.classification),
            **self._errors(),
            "invalid-outputs": _mean(self.per_query("invalid-outputs")),
            "empty-rate": _mean(self.per_query("empty-rate")),
        }
        return {name: float(value) for name, value in measured.items() if value is not None}

    def per_query(self, metric: str) -> dict[str, float]:
        """The values of one metric by qid, for paired comparisons; empty for a metric that this report does not hold.

        Besides the ranking metrics: `latency-ms`, `invalid-outputs` (1 for an answer with a flaw other than being
        empty) and `empty-rate` (1 for an empty answer).
        """
        if metric == "latency-ms":
            return {result.qid: result.latency_ms for result in self.results}
        if metric in {"invalid-outputs", "empty-rate"}:
            empty = metric == "empty-rate"
            flawed = {finding.qid for finding in self.findings if (finding.flaw is Flaw.EMPTY) == empty}
            return {result.qid: float(result.qid in flawed) for result in self.results}
        return {result.qid: result.values[metric] for result in self.results if metric in result.values}

    def to_json(self) -> dict[str, Any]:
        """The whole report in JSON types."""
        latencies = [result.latency_ms for result in self.results]
        document = self.reproducible()
        document["latency_ms"] = {"p50": _percentile(latencies, 50), "p95": _percentile(latencies, 95)}
        for row, latency in zip(document["queries"], latencies, strict=True):
            row["latency_ms"] = latency
        return document

    def reproducible(self) -> dict[str, Any]:
        """The report without latencies: equal inputs give equal documents, so an artefact's digest can cover it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "language": self.language,
            "dataset": self.dataset,
            "n": self.n,
            **means(self.results),
            "coverage": _or_no_data(self.coverage),
            **{name: _or_no_data(value) for name, value in asdict(self.classification).items()},
            **{name: _or_no_data(value) for name, value in asdict(self.counts).items()},
            **{name: _or_no_data(value) for name, value in self._errors().items()},
            "slices": slices(self.results),
            "validation": self._validation(),
            "left_out": asdict(self.left_out),
            "queries": [_row(result) for result in self.results],
        }

    def _errors(self) -> dict[str, float | None]:
        return {name: getattr(self.ratings, name, None) for name in ("mse", "mae", "rmse", "r2")}

    def _validation(self) -> dict[str, Any]:
        counted = Counter(finding.flaw for finding in self.findings)
        return {
            "counts": {flaw.value: counted[flaw] for flaw in Flaw},
            "invalid_queries": int(sum(self.per_query("invalid-outputs").values())),
            "examples": [
                {"flaw": finding.flaw.value, "qid": finding.qid, "detail": finding.detail}
                for finding in self.findings[:EXAMPLES]
            ],
        }


def _row(result: QueryResult) -> dict[str, Any]:
    return {
        "qid": result.qid,
        "kind": result.kind,
        "diet": result.diet,
        "words": result.words,
        "relevant": result.relevant,
        "rare": result.rare,
        "answered": result.answered,
        "top": list(result.top),
        **result.values,
        **{name: _or_no_data(value) for name, value in asdict(result.counts).items()},
    }


def _or_no_data(value: float | None) -> float | str:
    return NO_DATA if value is None else value


def _mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def _percentile(values: list[float], percent: int) -> float:
    """Linear interpolation between the two nearest."""
    return float(np.percentile(values, percent))
