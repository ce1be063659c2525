"""Gates: tables of evidence and verdicts, and laws that hold for any evidence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.evaluation import Query, evaluate
from mlops.evaluation.bootstrap import paired_interval
from mlops.evaluation.gates import FIRST_VERSION, Gate, Verdict, first_version_gates, judge
from tests.fakes.scripted_recommender import ScriptedRecommender


def scores(*values: float) -> dict[str, float]:
    return {f"q{number}": value for number, value in enumerate(values)}


def shifted(by: float, n: int = 100, noise: float = 0.0) -> tuple[dict[str, float], dict[str, float]]:
    """A candidate and a baseline around 0.5; the candidate is `by` better, give or take `noise` by turns."""
    baseline = scores(*(0.4 + 0.2 * (number % 5) / 4 for number in range(n)))
    turns = {qid: by + (noise if number % 2 else -noise) for number, qid in enumerate(baseline)}
    return {qid: value + turns[qid] for qid, value in baseline.items()}, baseline


THRESHOLDS = {
    "at the threshold": (
        Gate(metric="ndcg@10", threshold=0.5),
        [0.5],
        Verdict.PASSED,
        "ndcg@10 0.5 >= 0.5 on 1 queries",
    ),
    "below it": (Gate(metric="ndcg@10", threshold=0.5), [0.2, 0.6], Verdict.FAILED, "ndcg@10 0.4 < 0.5 on 2 queries"),
    "less is better, and it is less": (
        Gate(metric="empty-rate", threshold=0.05, greater_is_better=False),
        [0.0, 0.0],
        Verdict.PASSED,
        "empty-rate 0 <= 0.05 on 2 queries",
    ),
    "less is better, and it is more": (
        Gate(metric="empty-rate", threshold=0.05, greater_is_better=False),
        [0.0, 1.0],
        Verdict.FAILED,
        "empty-rate 0.5 > 0.05 on 2 queries",
    ),
    "a percentile, not a mean": (
        Gate(metric="latency-p95-ms", threshold=100, greater_is_better=False),
        [10.0] * 18 + [500.0] * 2,
        Verdict.FAILED,
        "latency-p95-ms 500 > 100 on 20 queries",
    ),
    "too few": (Gate(metric="ndcg@10", threshold=0.5, min_samples=3), [1, 1], Verdict.NO_DATA, "2 queries < 3 needed"),
    "none": (Gate(metric="ndcg@10", threshold=0.5), [], Verdict.NO_DATA, "0 queries < 1 needed"),
    "not a number": (Gate(metric="ndcg@10", threshold=0.5), [1.0, math.nan], Verdict.NO_DATA, "not a finite number"),
}


@pytest.mark.parametrize(("gate", "values", "verdict", "reason"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_thresholds(gate, values, verdict, reason):
    result = judge(gate, scores(*values), None, seed=0)
    assert result.verdict is verdict
    assert reason in result.reason
    assert result.samples == len(values)
    assert (result.value is None) == (verdict is Verdict.NO_DATA)


TOLERATED = Gate(metric="ndcg@10", min_absolute_change=-0.01, min_samples=50)
DEMANDED = Gate(metric="ndcg@10", min_absolute_change=0.01, min_samples=50)
SLOWER = Gate(metric="latency-p95-ms", min_relative_change=-0.2, greater_is_better=False)

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
    "too few in common": (TOLERATED, shifted(0.5, n=49), Verdict.NO_DATA),
}


@pytest.mark.parametrize(("gate", "evidence", "verdict"), CHANGES.values(), ids=CHANGES)
def test_changes_against_production(gate, evidence, verdict):
    result = judge(gate, *evidence, seed=0)
    assert result.verdict is verdict, result.reason
    if verdict is not Verdict.NO_DATA:
        assert result.interval is not None
        assert result.interval.low <= result.value - result.baseline + 1e-9
        assert result.interval.high >= result.value - result.baseline - 1e-9


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, "Passed"), (1.0, "Passed"), (1.1, "Passed"), (1.5, "Failed")])
def test_a_latency_may_grow_by_what_is_allowed(factor, verdict):
    before = scores(*(100.0 + number for number in range(60)))
    result = judge(SLOWER, {qid: value * factor for qid, value in before.items()}, before, seed=0)
    assert result.verdict == verdict, result.reason


def test_the_reason_states_the_arithmetic():
    result = judge(TOLERATED, *shifted(-0.05), seed=0)
    assert result.reason == (
        "ndcg@10 0.45 against 0.5 on 100 queries: change for the better -0.05 [-0.05, -0.05], "
        "at least -0.01 is allowed: -0.05 < -0.01"
    )


def test_of_two_demands_the_stricter_one_holds():
    both = Gate(metric="ndcg@10", min_absolute_change=-0.2, min_relative_change=-0.02)
    assert judge(both, *shifted(-0.05), seed=0).verdict is Verdict.FAILED


def test_a_missed_threshold_is_told_before_a_missing_baseline():
    gate = Gate(metric="ndcg@10", threshold=0.9, min_absolute_change=0.0)
    assert judge(gate, scores(0.5), None, seed=0).verdict is Verdict.FAILED
    assert judge(gate, scores(0.95), None, seed=0).verdict is Verdict.NO_BASELINE


@pytest.mark.parametrize("production", [None, {}, {"other": 1.0}], ids=["none", "empty", "nothing in common"])
def test_without_production_on_the_same_queries_there_is_no_baseline(production):
    result = judge(Gate(metric="ndcg@10", min_absolute_change=0.0), scores(0.5, 0.6), production, seed=0)
    assert (result.verdict, result.baseline, result.passed) == (Verdict.NO_BASELINE, None, False)


def test_only_common_queries_are_compared():
    production = {**scores(0.5, 0.5, 0.5), "retired": 99.0}
    result = judge(Gate(metric="ndcg@10", min_absolute_change=0.0), scores(0.5, 0.5, 0.5, 0.0), production, seed=0)
    assert (result.samples, result.value, result.baseline, result.verdict) == (3, 0.5, 0.5, Verdict.PASSED)


def test_one_query_bears_no_interval():
    result = judge(Gate(metric="ndcg@10", min_absolute_change=0.0), scores(0.9), scores(0.1), seed=0)
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
    gate = Gate(metric="ndcg@10", min_absolute_change=change)
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
