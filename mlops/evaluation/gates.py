"""Gates on metrics by query, of a version and of production: what a training may not lose, and a first version must be.

The arithmetic is that of `mlops.judgement`; what is done here is to make evidence of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from mlops import judgement
from mlops.evaluation.results import PERCENTILES
from mlops.judgement import Evidence, Verdict, decimal_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.evaluation.report import EvaluationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A demand on one metric: an absolute threshold, a change against production, or both."""

    metric: str
    threshold: Decimal | None = None
    min_absolute_change: Decimal | None = None
    min_relative_change: Decimal | None = None
    min_effect: Decimal | None = None
    rises: bool = True

    @property
    def comparative(self) -> bool:
        """True where production is needed to compare with."""
        return self.min_absolute_change is not None or self.min_relative_change is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The verdict with its evidence, None where there is none, and the arithmetic in words."""

    name: str
    verdict: Verdict
    evidence: Evidence | None
    samples: int
    reason: str

    @property
    def passed(self) -> bool:
        """True for `Passed` alone."""
        return self.verdict is Verdict.PASSED


# Nothing to compare with yet, so: far above what broken models reach (NDCG 0.02 for random clicks, 0.07 for shuffled
# labels), below what any sound one does (0.36 for plain BM25 on hard queries). One query will do: corpora may be small.
FIRST_VERSION = (
    Gate(metric="ndcg@10", threshold=Decimal("0.30")),
    Gate(metric="recall@100", threshold=Decimal("0.30")),
    Gate(metric="invalid-outputs", threshold=Decimal(0), rises=False),
    Gate(metric="empty-rate", threshold=Decimal("0.05"), rises=False),
    Gate(metric="latency-p95-ms", threshold=Decimal(2000), rises=False),
)


def first_version_gates(report: EvaluationReport) -> tuple[GateResult, ...]:
    """Judge a version that has no predecessor."""
    return tuple(judge(gate, _values(report, gate.metric), None, seed=0) for gate in FIRST_VERSION)


def judge(
    gate: Gate, candidate: Mapping[str, float], production: Mapping[str, float] | None, *, seed: int
) -> GateResult:
    """Judge one gate on values by query; `seed` draws the bootstrap. Queries that only one version knows are left out.

    `NoData` where there is nothing to judge, or nothing of production to compare with on the same queries.
    """
    common = candidate.keys() & production.keys() if gate.comparative and production else frozenset[str]()
    qids = sorted(common or candidate)
    now = [candidate[qid] for qid in qids]
    before = [production[qid] for qid in qids] if common and production else []
    if not qids or not np.all(np.isfinite(now + before)):
        reason = f"{gate.metric}: not a finite number for every one of {len(qids)} queries"
        return GateResult(name=gate.metric, verdict=Verdict.NO_DATA, evidence=None, samples=len(qids), reason=reason)
    evidence = _evidence(gate, now, before, seed)
    findings = [judgement.reached(gate, limit, evidence) for limit in judgement.limits(gate, evidence.baseline)]
    if gate.comparative and evidence.interval is None:
        told = "nothing in production to compare with on the same queries" if not before else "one is too few"
        findings.append((Verdict.NO_DATA, f"{gate.metric} {judgement.number_text(evidence.value)}: {told}"))
    verdict = judgement.worst([found for found, _ in findings])
    reason = "; ".join(told for found, told in findings if found is verdict)
    return GateResult(
        name=gate.metric, verdict=verdict, evidence=evidence, samples=len(qids), reason=f"{reason} (n={len(qids)})"
    )


def _evidence(gate: Gate, now: Sequence[float], before: Sequence[float], seed: int) -> Evidence:
    percentile = PERCENTILES.get(gate.metric)

    def statistic(values: Sequence[float]) -> Decimal:
        return decimal_of(float(np.mean(values) if percentile is None else np.percentile(values, percentile)))

    if not before:
        return Evidence(value=statistic(now))
    # Here and not above: a start without anything to compare does not wait for scipy.
    from mlops.evaluation.bootstrap import paired_interval  # noqa: PLC0415 - the reason is the line before

    apart, baseline = paired_interval(now, before, percentile=percentile, seed=seed), statistic(before)
    interval = None if apart is None else (baseline + decimal_of(apart.low), baseline + decimal_of(apart.high))
    return Evidence(value=statistic(now), baseline=baseline, interval=interval)


def _values(report: EvaluationReport, metric: str) -> dict[str, float]:
    return report.per_query("latency-ms" if metric in PERCENTILES else metric)
