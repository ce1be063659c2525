"""Two reports on the same queries, metric by metric: how sure their difference is, and which queries lost by it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from mlops.evaluation.bootstrap import CONFIDENCE, paired_interval
from mlops.evaluation.results import PERCENTILES
from mlops.evaluation.slices import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.evaluation.bootstrap import Interval
    from mlops.evaluation.report import EvaluationReport

LEAST_QUERIES = 5  # of a part: fewer say nothing, and every part costs all others some confidence
MOST_PARTS = 2  # an answer of ten gates must fit into what Kubernetes keeps of a Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A metric in a part of the queries, such as `kind = pantry`; `interval` is of its difference."""

    name: str
    value: float
    baseline: float
    interval: Interval
    queries: int


def difference(metric: str, candidate: EvaluationReport, baseline: EvaluationReport) -> Interval | None:
    """The 95 % interval of candidate - baseline, queries drawn in pairs.

    None where the reports are of different queries, or the metric is of all of them together.
    """
    pairs = _pairs(metric, candidate, baseline)
    return paired_interval(*_columns(pairs, list(pairs)), percentile=PERCENTILES.get(metric))


def apart(metric: str, candidate: EvaluationReport, baseline: EvaluationReport) -> Interval | None:
    """The same interval where each was asked for recipes of its own, drawn alike: as wide as two samples make it.

    Which of them stand beside each other does not matter, so they are drawn in pairs here too.
    """
    now, before = (list(_values(metric, report).values()) for report in (candidate, baseline))
    least = min(len(now), len(before))
    return paired_interval(now[:least], before[:least], percentile=PERCENTILES.get(metric))


def lost(metric: str, candidate: EvaluationReport, baseline: EvaluationReport, *, rises: bool) -> tuple[Part, ...]:
    """The parts that are worse beyond chance, the worst first, at most two.

    The intervals of all parts together are right 95 times of 100 (Bonferroni). Percentiles have no parts: a few
    queries' slowest says nothing.
    """
    if metric in PERCENTILES:
        return ()
    pairs = _pairs(metric, candidate, baseline)
    parts = dict(_parts(candidate, pairs))
    found = []
    for name, qids in parts.items():
        confidence = 1 - (1 - CONFIDENCE) / len(parts)
        interval = paired_interval(*_columns(pairs, qids), confidence=confidence)
        if interval is not None and (interval.high < 0 if rises else interval.low > 0):
            value, given = (fmean(pairs[qid][place] for qid in qids) for place in (0, 1))
            found.append(Part(name=name, value=value, baseline=given, interval=interval, queries=len(qids)))
    return tuple(sorted(found, key=lambda part: -abs(part.value - part.baseline))[:MOST_PARTS])


def _pairs(metric: str, candidate: EvaluationReport, baseline: EvaluationReport) -> dict[str, tuple[float, float]]:
    if candidate.dataset != baseline.dataset:
        return {}
    now, before = _values(metric, candidate), _values(metric, baseline)
    return {qid: (now[qid], before[qid]) for qid in sorted(now.keys() & before.keys())}


def _values(metric: str, report: EvaluationReport) -> Mapping[str, float]:
    """What a metric is made of, by query."""
    return report.per_query("latency-ms" if metric in PERCENTILES else metric)


def _parts(report: EvaluationReport, pairs: dict[str, tuple[float, float]]) -> Iterator[tuple[str, list[str]]]:
    """The parts of every dimension that divides the queries at all."""
    for dimension, key in DIMENSIONS.items():
        of: dict[str, list[str]] = defaultdict(list)
        for result in report.results:
            if result.qid in pairs:
                of[key(result)].append(result.qid)
        for part, qids in sorted(of.items()):
            if LEAST_QUERIES <= len(qids) < len(pairs):
                yield f"{dimension} = {part}", qids


def _columns(pairs: dict[str, tuple[float, float]], qids: list[str]) -> tuple[list[float], list[float]]:
    return [pairs[qid][0] for qid in qids], [pairs[qid][1] for qid in qids]
