"""Gates: may this version go on? Pure; the evidence is a metric by query, of the version and of production.

The vocabulary is MLflow's: threshold, min absolute change, min relative change, greater is better. Changes are counted
in the better direction, so `min_absolute_change=-0.01` tolerates a loss of 0.01 whichever way the metric points.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from mlops.evaluation.results import PERCENTILES
from mlops.judgement import doubt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.evaluation.bootstrap import Interval
    from mlops.evaluation.report import EvaluationReport


class Verdict(StrEnum):
    """Only `PASSED` lets a version on; the last two say that nothing was learnt, and why."""

    PASSED = "Passed"
    FAILED = "Failed"
    NO_BASELINE = "NoBaseline"
    NO_DATA = "NoData"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A demand on one metric: an absolute threshold, a change against production, or both."""

    metric: str
    threshold: float | None = None
    min_absolute_change: float | None = None
    min_relative_change: float | None = None
    greater_is_better: bool = True
    min_samples: int = 1

    @property
    def comparative(self) -> bool:
        """True where production is needed to compare with."""
        return self.min_absolute_change is not None or self.min_relative_change is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The verdict with its numbers; `interval` is of the change in the better direction, `reason` the arithmetic."""

    name: str
    verdict: Verdict
    value: float | None
    baseline: float | None
    interval: Interval | None
    samples: int
    reason: str

    @property
    def passed(self) -> bool:
        """True for `Passed` alone."""
        return self.verdict is Verdict.PASSED


# Nothing to compare with yet, so: far above what broken models reach (NDCG 0.02 for random clicks, 0.07 for shuffled
# labels), below what any sound one does (0.36 for plain BM25 on hard queries). One query will do: corpora may be small.
FIRST_VERSION = (
    Gate(metric="ndcg@10", threshold=0.30),
    Gate(metric="recall@100", threshold=0.30),
    Gate(metric="invalid-outputs", threshold=0.0, greater_is_better=False),
    Gate(metric="empty-rate", threshold=0.05, greater_is_better=False),
    Gate(metric="latency-p95-ms", threshold=2_000.0, greater_is_better=False),
)


def first_version_gates(report: EvaluationReport) -> tuple[GateResult, ...]:
    """Judge a version that has no predecessor."""
    return tuple(judge(gate, _values(report, gate.metric), None, seed=0) for gate in FIRST_VERSION)


def judge(
    gate: Gate, candidate: Mapping[str, float], production: Mapping[str, float] | None, *, seed: int
) -> GateResult:
    """Judge one gate on values by query; `seed` draws the bootstrap. Queries that only one version knows are left out.

    Asked in this order: are there enough samples, is the threshold met, is there something to compare with, is the
    change allowed. A change is allowed when its mean is, and its 95 % interval leaves no doubt (`judgement.py`).
    """
    common = candidate.keys() & production.keys() if gate.comparative and production else frozenset[str]()
    qids = sorted(common or candidate)
    evidence = _Evidence(
        now=tuple(candidate[qid] for qid in qids),
        before=tuple(production[qid] for qid in qids) if common and production else (),
        percentile=PERCENTILES.get(gate.metric),
    )
    if missing := _missing(gate, evidence):
        return _result(gate, Verdict.NO_DATA, evidence, missing)
    met, threshold = _meets_threshold(gate, evidence)
    if not met:
        return _result(gate, Verdict.FAILED, evidence, threshold)
    if not gate.comparative:
        return _result(gate, Verdict.PASSED, evidence, threshold)
    if not evidence.before:
        reason = f"{gate.metric} {evidence.value:.4g}: nothing in production to compare with on the same queries"
        return _result(gate, Verdict.NO_BASELINE, evidence, reason)
    return _compare(gate, evidence, seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """Values query by query, in the same order; `before` is production's, empty without one."""

    now: tuple[float, ...]
    before: tuple[float, ...]
    percentile: int | None

    @property
    def value(self) -> float:
        return self._statistic(self.now)

    @property
    def baseline(self) -> float | None:
        return self._statistic(self.before) if self.before else None

    def _statistic(self, values: tuple[float, ...]) -> float:
        return float(np.mean(values) if self.percentile is None else np.percentile(values, self.percentile))


def _values(report: EvaluationReport, metric: str) -> dict[str, float]:
    return report.per_query("latency-ms" if metric in PERCENTILES else metric)


def _missing(gate: Gate, evidence: _Evidence) -> str | None:
    needed = max(gate.min_samples, 1)
    if len(evidence.now) < needed:
        return f"{gate.metric}: {len(evidence.now)} queries < {needed} needed"
    if not np.all(np.isfinite(evidence.now + evidence.before)):
        return f"{gate.metric}: not a finite number for every one of {len(evidence.now)} queries"
    return None


def _meets_threshold(gate: Gate, evidence: _Evidence) -> tuple[bool, str]:
    if gate.threshold is None:
        return True, ""
    rises, value = gate.greater_is_better, evidence.value
    met = value >= gate.threshold if rises else value <= gate.threshold
    sign = (">=" if rises else "<=") if met else ("<" if rises else ">")
    return met, f"{gate.metric} {value:.4g} {sign} {gate.threshold:.4g} on {len(evidence.now)} queries"


def _compare(gate: Gate, evidence: _Evidence, seed: int) -> GateResult:
    # Here and not above: a start without anything to compare does not wait for scipy.
    from mlops.evaluation.bootstrap import Interval  # noqa: PLC0415 - the reason is the line before
    from mlops.evaluation.contrast import change_of  # noqa: PLC0415 - as above

    raw = change_of(evidence.now, evidence.before, percentile=evidence.percentile, seed=seed)
    if raw is None:
        reason = f"{gate.metric}: {len(evidence.now)} query is too few for an interval"
        return _result(gate, Verdict.NO_DATA, evidence, reason)
    baseline = evidence.baseline or 0.0
    change = evidence.value - baseline
    if not gate.greater_is_better:
        change, raw = -change, Interval(low=-raw.high, high=-raw.low, confidence=raw.confidence)
    allowed = _allowed_change(gate, baseline)
    problem = _problem(change, raw, allowed)
    reason = (
        f"{gate.metric} {evidence.value:.4g} against {baseline:.4g} on {len(evidence.now)} queries: "
        f"change for the better {change:+.4g} [{raw.low:+.4g}, {raw.high:+.4g}], at least {allowed:+.4g} is allowed"
    )
    verdict = Verdict.FAILED if problem else Verdict.PASSED
    return _result(gate, verdict, evidence, f"{reason}: {problem}" if problem else reason, raw)


def _allowed_change(gate: Gate, baseline: float) -> float:
    """The stricter of the two demands, as an absolute number."""
    demands = []
    if gate.min_absolute_change is not None:
        demands.append(gate.min_absolute_change)
    if gate.min_relative_change is not None:
        demands.append(gate.min_relative_change * abs(baseline))
    return max(demands)


def _problem(change: float, interval: Interval, allowed: float) -> str | None:
    if change < allowed:
        return f"{change:+.4g} < {allowed:+.4g}"
    return doubt(interval.low, interval.high, allowed)


def _result(
    gate: Gate, verdict: Verdict, evidence: _Evidence, reason: str, interval: Interval | None = None
) -> GateResult:
    return GateResult(
        name=gate.metric,
        verdict=verdict,
        value=None if verdict is Verdict.NO_DATA else evidence.value,
        baseline=None if verdict is Verdict.NO_DATA else evidence.baseline,
        interval=interval,
        samples=len(evidence.now),
        reason=reason,
    )
