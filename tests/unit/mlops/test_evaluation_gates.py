"""Gates: tables of evidence and verdicts, and laws that hold for any evidence."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.evaluation import Query, evaluate
from mlops.evaluation.bootstrap import paired_interval
from mlops.evaluation.gates import FIRST_VERSION, Gate, first_version_gates, judge
from mlops.judgement import Verdict, decimal_of
from tests.fakes.scripted_recommender import ScriptedRecommender

EPSILON = Decimal("1e-5")


def demand(metric: str, *, rises: bool = True, **numbers: float) -> Gate:
    return Gate(metric=metric, rises=rises, **{name: decimal_of(number) for name, number in numbers.items()})


def scores(*values: float) -> dict[str, float]:
    return {f"q{number}": value for number, value in enumerate(values)}


def shifted(by: float, n: int = 100, noise: float = 0.0) -> tuple[dict[str, float], dict[str, float]]:
    """A candidate and a baseline around 0.5; the candidate is `by` better, give or take `noise` by turns."""
    baseline = scores(*(0.4 + 0.2 * (number % 5) / 4 for number in range(n)))
    turns = {qid: by + (noise if number % 2 else -noise) for number, qid in enumerate(baseline)}
    return {qid: value + turns[qid] for qid, value in baseline.items()}, baseline


THRESHOLDS = {
    "at the threshold": (
        demand("ndcg@10", threshold=0.5),
        [0.5],
        Verdict.PASSED,
        "ndcg@10 0.5 >= threshold 0.5 (n=1)",
    ),
    "below it": (demand("ndcg@10", threshold=0.5), [0.2, 0.6], Verdict.FAILED, "ndcg@10 0.4 < threshold 0.5 (n=2)"),
    "less is better, and it is less": (
        demand("empty-rate", threshold=0.05, rises=False),
        [0.0, 0.0],
        Verdict.PASSED,
        "empty-rate 0 <= threshold 0.05 (n=2)",
    ),
    "less is better, and it is more": (
        demand("empty-rate", threshold=0.05, rises=False),
        [0.0, 1.0],
        Verdict.FAILED,
        "empty-rate 0.5 > threshold 0.05 (n=2)",
    ),
    "a percentile, not a mean": (
        demand("latency-p95-ms", threshold=100, rises=False),
        [10.0] * 18 + [500.0] * 2,
        Verdict.FAILED,
        "latency-p95-ms 500 > threshold 100 (n=20)",
    ),
    "none": (demand("ndcg@10", threshold=0.5), [], Verdict.NO_DATA, "for every one of 0 queries"),
    "not a number": (demand("ndcg@10", threshold=0.5), [1.0, math.nan], Verdict.NO_DATA, "not a finite number"),
}


@pytest.mark.parametrize(("gate", "values", "verdict", "reason"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_thresholds(gate, values, verdict, reason):
    result = judge(gate, scores(*values), None, seed=0)
    assert result.verdict is verdict
    assert reason in result.reason
    assert result.samples == len(values)
    assert (result.evidence is None) == (verdict is Verdict.NO_DATA)


TOLERATED = demand("ndcg@10", min_absolute_change=-0.01)
DEMANDED = demand("ndcg@10", min_absolute_change=0.01)
SLOWER = demand("latency-p95-ms", min_relative_change=-0.2, rises=False)

CHANGES = {
    "equal": (TOLERATED, shifted(0.0), Verdict.PASSED),
    "equal but noisy": (TOLERATED, shifted(0.0, noise=0.2), Verdict.PASSED),
    "better": (TOLERATED, shifted(0.05, noise=0.1), Verdict.PASSED),
    "a small loss, surely tolerated": (TOLERATED, shifted(-0.005, noise=0.001), Verdict.PASSED),
    "a small loss beyond chance that may be larger": (TOLERATED, shifted(-0.009, noise=0.04), Verdict.FAILED),
    "a loss beyond the tolerance": (TOLERATED, shifted(-0.05), Verdict.FAILED),
    "a gain that was demanded": (DEMANDED, shifted(0.05, noise=0.05), Verdict.PASSED),
    "a gain that may be chance": (DEMANDED, shifted(0.02, noise=0.4), Verdict.FAILED),
    "a gain too small": (DEMANDED, shifted(0.005), Verdict.FAILED),
}


@pytest.mark.parametrize(("gate", "evidence", "verdict"), CHANGES.values(), ids=CHANGES)
def test_changes_against_production(gate, evidence, verdict):
    result = judge(gate, *evidence, seed=0)
    assert result.verdict is verdict, result.reason
    low, high = result.evidence.interval
    assert low - EPSILON <= result.evidence.value <= high + EPSILON


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, "Passed"), (1.0, "Passed"), (1.1, "Passed"), (1.5, "Failed")])
def test_a_latency_may_grow_by_what_is_allowed(factor, verdict):
    before = scores(*(100.0 + number for number in range(60)))
    result = judge(SLOWER, {qid: value * factor for qid, value in before.items()}, before, seed=0)
    assert result.verdict == verdict, result.reason


def test_the_reason_states_the_arithmetic():
    result = judge(TOLERATED, *shifted(-0.05), seed=0)
    assert result.reason == "ndcg@10 0.45 < baseline 0.5 - 0.01 = 0.49 (n=100)"
    chance = judge(DEMANDED, *shifted(0.02, noise=0.4), seed=0)
    assert chance.reason.startswith("ndcg@10 0.52 >= baseline 0.5 + 0.01 = 0.51, but the gain may be chance, -0.0")


def test_of_two_demands_the_stricter_one_holds():
    both = demand("ndcg@10", min_absolute_change=-0.2, min_relative_change=-0.02)
    assert judge(both, *shifted(-0.05), seed=0).verdict is Verdict.FAILED


def test_a_missed_threshold_is_told_before_a_missing_baseline():
    gate = demand("ndcg@10", threshold=0.9, min_absolute_change=0.0)
    assert judge(gate, scores(0.5), None, seed=0).verdict is Verdict.FAILED
    assert judge(gate, scores(0.95), None, seed=0).verdict is Verdict.NO_DATA


@pytest.mark.parametrize("production", [None, {}, {"other": 1.0}], ids=["none", "empty", "nothing in common"])
def test_without_production_on_the_same_queries_there_is_no_baseline(production):
    result = judge(demand("ndcg@10", min_absolute_change=0.0), scores(0.5, 0.6), production, seed=0)
    assert (result.verdict, result.evidence.baseline, result.passed) == (Verdict.NO_DATA, None, False)
    assert "nothing in production to compare with" in result.reason


def test_only_common_queries_are_compared():
    production = {**scores(0.5, 0.5, 0.5), "retired": 99.0}
    result = judge(demand("ndcg@10", min_absolute_change=0.0), scores(0.5, 0.5, 0.5, 0.0), production, seed=0)
    assert (result.samples, result.evidence.value, result.evidence.baseline) == (3, 0.5, 0.5)
    assert result.passed


def test_one_query_bears_no_interval():
    result = judge(demand("ndcg@10", min_absolute_change=0.0), scores(0.9), scores(0.1), seed=0)
    assert result.verdict is Verdict.NO_DATA


UNIT = st.floats(0, 1)
PAIRS = st.lists(st.tuples(UNIT, UNIT), min_size=2, max_size=40)


@settings(deadline=None, max_examples=40)
@given(pairs=PAIRS, seed=st.integers(0, 9))
def test_an_interval_is_ordered_holds_the_mean_of_resamples_and_repeats_with_its_seed(pairs, seed):
    candidate, baseline = zip(*pairs, strict=True)
    first, second = (
        paired_interval(candidate, baseline, percentile=None, confidence=0.95, seed=seed) for _ in range(2)
    )
    assert first == second
    differences = [left - right for left, right in pairs]
    assert min(differences) - 1e-9 <= first.low <= first.high <= max(differences) + 1e-9


@settings(deadline=None, max_examples=40)
@given(values=st.lists(UNIT, min_size=2, max_size=40), change=st.floats(-0.5, 0.5))
def test_no_version_loses_against_itself_and_none_is_better_than_itself(values, change):
    gate = demand("ndcg@10", min_absolute_change=change)
    expected = Verdict.PASSED if change <= 0 else Verdict.FAILED
    assert judge(gate, scores(*values), scores(*values), seed=0).verdict is expected


def test_equal_versions_are_rarely_refused_and_clearly_worse_ones_rarely_passed():
    random = np.random.default_rng(7)
    refused = passed = 0
    for seed in range(40):
        quality = random.beta(2, 2, size=150)
        again = np.clip(quality + random.normal(0, 0.03, size=150), 0, 1)
        worse = np.clip(quality - 0.05 + random.normal(0, 0.1, size=150), 0, 1)
        refused += not judge(TOLERATED, scores(*again), scores(*quality), seed=seed).passed
        passed += judge(TOLERATED, scores(*worse), scores(*quality), seed=seed).passed
    assert (refused, passed) == (0, 0)


def made(rankings, qrels=None):
    queries = [Query(qid=qid, text_en=qid) for qid in ("q1", "q2")]
    return evaluate(
        ScriptedRecommender(rankings),
        queries,
        qrels or {"q1": {"r1": 1}, "q2": {"r2": 1}},
        language="en",
        clock=lambda: 0.0,
        progress=lambda *_: None,
    )


def test_a_first_version_that_answers_passes_every_gate():
    results = first_version_gates(made({"q1": ["r1"], "q2": ["r2"]}))
    assert [result.name for result in results] == [gate.metric for gate in FIRST_VERSION]
    assert all(result.passed for result in results)


BROKEN = {
    "wrong answers": ({"q1": ["r7"], "q2": ["r8"]}, {"ndcg@10", "recall@100"}),
    "no answers": ({}, {"ndcg@10", "recall@100", "empty-rate"}),
    "the same recipe over and over": ({"q1": ["r1", "r1"], "q2": ["r2", "r2"]}, {"invalid-outputs"}),
}


@pytest.mark.parametrize(("rankings", "failed"), BROKEN.values(), ids=BROKEN)
def test_a_broken_first_version_is_stopped(rankings, failed):
    results = first_version_gates(made(rankings))
    assert {result.name for result in results if result.verdict is Verdict.FAILED} == failed
