from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.gates import Comparison, Freshness, judge
from controller.observation import Sample, Slice
from controller.resource.gate import Gate
from mlops.judgement import Verdict, worst

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BESIDE = Comparison(expected=True, references={})
ALONE = Comparison(expected=False, references={})
D = Decimal
GROWING = Freshness.around(NOW, 60)


def quality(**limits: str) -> Gate:
    return Gate(metric="ndcg@10", min_samples=50, **{name: D(text) for name, text in limits.items()})


def latency(**limits: str) -> Gate:
    return Gate(metric="latency-p95-ms", min_samples=50, **{name: D(text) for name, text in limits.items()})


def sample(value: str | None, baseline: str | None = None, *, n: int = 100, **more: object) -> Sample:
    numbers = {"value": value and D(value), "baseline": baseline and D(baseline)}
    return Sample(metric="any", samples=n, **numbers, **more)


def part(value: str, baseline: str, *, best: str) -> Slice:
    return Slice(name="language = es", value=D(value), baseline=D(baseline), best=D(best), samples=24)


@dataclass(frozen=True)
class Row:
    sentence: str
    gate: Gate
    sample: Sample | None
    verdict: Verdict
    message: str
    comparison: Comparison = BESIDE
    fresh: Freshness | None = None


ROWS = (
    Row(
        "at the threshold is good enough",
        quality(threshold="0.4"),
        sample("0.4"),
        Verdict.PASSED,
        "ndcg@10 0.4 >= threshold 0.4 (n=100)",
    ),
    Row(
        "below the threshold fails",
        quality(threshold="0.4"),
        sample("0.3999"),
        Verdict.FAILED,
        "ndcg@10 0.3999 < threshold 0.4 (n=100)",
    ),
    Row(
        "a loss beyond the tolerance fails, with the arithmetic",
        quality(min_absolute_change="-0.01"),
        sample("0.41", "0.44"),
        Verdict.FAILED,
        "ndcg@10 0.41 < baseline 0.44 - 0.01 = 0.43 (n=100)",
    ),
    Row(
        "a loss within the tolerance passes",
        quality(min_absolute_change="-0.01"),
        sample("0.435", "0.44"),
        Verdict.PASSED,
        "ndcg@10 0.435 >= baseline 0.44 - 0.01 = 0.43 (n=100)",
    ),
    Row(
        "a positive change asks for an improvement",
        quality(min_relative_change="0.05"),
        sample("0.45", "0.44"),
        Verdict.FAILED,
        "ndcg@10 0.45 < baseline 0.44 + 5 % = 0.462 (n=100)",
    ),
    Row(
        "where less is better a tolerance allows more",
        latency(min_relative_change="-0.2"),
        sample("119", "100"),
        Verdict.PASSED,
        "latency-p95-ms 119 <= baseline 100 + 20 % = 120 (n=100)",
    ),
    Row(
        "where less is better beyond the tolerance fails",
        latency(min_relative_change="-0.2"),
        sample("121", "100"),
        Verdict.FAILED,
        "latency-p95-ms 121 > baseline 100 + 20 % = 120 (n=100)",
    ),
    Row(
        "a loss that is no effect is none, however large a share of a small baseline it is",
        latency(min_relative_change="-0.5", min_effect="10"),
        sample("6.452", "3.35"),
        Verdict.PASSED,
        "latency-p95-ms 6.452 <= baseline 3.35 + 10 = 13.35 (n=100)",
    ),
    Row(
        "a larger one is",
        latency(min_relative_change="-0.5", min_effect="10"),
        sample("13.4", "3.35"),
        Verdict.FAILED,
        "latency-p95-ms 13.4 > baseline 3.35 + 10 = 13.35 (n=100)",
    ),
    Row(
        "beside a large baseline the share is what counts",
        latency(min_relative_change="-0.5", min_effect="10"),
        sample("131", "100"),
        Verdict.PASSED,
        "latency-p95-ms 131 <= baseline 100 + 50 % = 150 (n=100)",
    ),
    Row(
        "of several limits the broken one is told",
        latency(threshold="200", min_relative_change="-0.2"),
        sample("150", "100"),
        Verdict.FAILED,
        "latency-p95-ms 150 > baseline 100 + 20 % = 120 (n=100)",
    ),
    Row(
        "an interval on the good side passes",
        quality(min_absolute_change="-0.01"),
        sample("0.45", "0.44", low=D("0.43"), high=D("0.47")),
        Verdict.PASSED,
        "ndcg@10 0.45 >= baseline 0.44 - 0.01 = 0.43 (n=100)",
    ),
    Row(
        "an interval around the limit settles nothing",
        quality(min_absolute_change="-0.01"),
        sample("0.45", "0.44", low=D("0.42"), high=D("0.48")),
        Verdict.INCONCLUSIVE,
        "ndcg@10 0.45 in [0.42, 0.48], which contains baseline 0.44 - 0.01 = 0.43 (n=100)",
        fresh=GROWING,
    ),
    Row(
        "a value beyond the tolerance that is worse than production beyond chance fails before its bounds do",
        latency(min_relative_change="-0.2"),
        sample("150", "100", low=D("80"), high=D("300"), side=1),
        Verdict.FAILED,
        "latency-p95-ms 150 > baseline 100 + 20 % = 120, and worse than the baseline beyond chance (n=100)",
        fresh=GROWING,
    ),
    Row(
        "however few samples there are",
        latency(min_relative_change="-0.2"),
        sample("150", "100", n=9, low=D("80"), high=D("300"), side=1),
        Verdict.FAILED,
        "latency-p95-ms 150 > baseline 100 + 20 % = 120, and worse than the baseline beyond chance (n=9)",
        fresh=GROWING,
    ),
    Row(
        "worse than production beyond chance, but within the tolerance, settles nothing",
        latency(min_relative_change="-0.2"),
        sample("110", "100", low=D("80"), high=D("300"), side=1),
        Verdict.INCONCLUSIVE,
        "latency-p95-ms 110 in [80, 300], which contains baseline 100 + 20 % = 120 (n=100)",
        fresh=GROWING,
    ),
    Row(
        "a value beyond the tolerance that may be chance settles nothing",
        latency(min_relative_change="-0.2"),
        sample("150", "100", low=D("80"), high=D("300")),
        Verdict.INCONCLUSIVE,
        "latency-p95-ms 150 in [80, 300], which contains baseline 100 + 20 % = 120 (n=100)",
        fresh=GROWING,
    ),
    Row(
        "where more is better, below is the worse side",
        quality(min_absolute_change="-0.01"),
        sample("0.40", "0.44", low=D("0.3"), high=D("0.5"), side=-1),
        Verdict.FAILED,
        "ndcg@10 0.4 < baseline 0.44 - 0.01 = 0.43, and worse than the baseline beyond chance (n=100)",
        fresh=GROWING,
    ),
    Row(
        "a baseline that rests is the number that it left",
        latency(min_relative_change="-0.2"),
        sample("150", low=D("101"), high=D("300")),
        Verdict.FAILED,
        "latency-p95-ms 150 > baseline 100 + 20 % = 120, and worse than the baseline beyond chance (n=100)",
        Comparison(expected=False, references={"latency-p95-ms": D(100)}),
        fresh=GROWING,
    ),
    Row(
        "an interval wholly on the bad side fails",
        latency(threshold="100"),
        sample("130", low=D(110), high=D(150)),
        Verdict.FAILED,
        "latency-p95-ms 130 > threshold 100 (n=100)",
    ),
    Row(
        "too few samples are no data, however bad the value",
        latency(threshold="100"),
        sample("900", n=49),
        Verdict.NO_DATA,
        "latency-p95-ms: 49 samples < minSamples 50",
    ),
    Row("no sample is no data", latency(threshold="100"), None, Verdict.NO_DATA, "latency-p95-ms: no value"),
    Row("NaN is no data", latency(threshold="100"), sample("NaN"), Verdict.NO_DATA, "latency-p95-ms: no value"),
    Row(
        "infinity is an error",
        latency(threshold="100"),
        sample("Infinity"),
        Verdict.ERROR,
        "latency-p95-ms: the source says Infinity",
    ),
    Row(
        "a number of no credible size is an error",
        latency(threshold="100"),
        sample("1E+400000"),
        Verdict.ERROR,
        "latency-p95-ms: the source says 1E+400000",
    ),
    Row(
        "without production's value a comparison has no data",
        quality(min_absolute_change="0"),
        sample("0.5"),
        Verdict.NO_DATA,
        "ndcg@10: no value of production to compare with",
    ),
    Row(
        "production's NaN is no value either",
        quality(min_absolute_change="0"),
        sample("0.5", "NaN"),
        Verdict.NO_DATA,
        "ndcg@10: no value of production to compare with",
    ),
    Row(
        "with nothing in production a comparison does not apply, and needs no data",
        quality(min_absolute_change="0"),
        sample(None, n=0),
        Verdict.PASSED,
        "ndcg@10: nothing in production to compare with (NoBaseline), not applicable",
        ALONE,
    ),
    Row(
        "what is of a version and production together does not apply where one is alone, whatever its limit",
        Gate(metric="score-drift", threshold=D("0.2")),
        None,
        Verdict.PASSED,
        "score-drift: nothing in production to compare with (NoBaseline), not applicable",
        ALONE,
    ),
    Row(
        "with nothing in production the threshold still holds",
        quality(threshold="0.6", min_absolute_change="0"),
        sample("0.5"),
        Verdict.FAILED,
        "ndcg@10 0.5 < threshold 0.6 (n=100)",
        ALONE,
    ),
    Row(
        "an end that is not bounded settles nothing on that side",
        latency(min_relative_change="-0.2"),
        sample("110", "100", low=D("90"), high=D("Infinity")),
        Verdict.INCONCLUSIVE,
        "latency-p95-ms 110 in [90, ∞], which contains baseline 100 + 20 % = 120 (n=100)",
        fresh=GROWING,
    ),
    Row(
        "an end that is no number bounds nothing",
        latency(threshold="120"),
        sample("110", low=D("NaN"), high=D("115")),
        Verdict.PASSED,
        "latency-p95-ms 110 <= threshold 120 (n=100)",
    ),
    Row(
        "bounds that fail need no least number of samples",
        latency(threshold="120"),
        sample("180", low=D("130"), high=D("Infinity"), n=9),
        Verdict.FAILED,
        "latency-p95-ms 180 > threshold 120 (n=9)",
    ),
    Row(
        "bounds that pass do",
        latency(threshold="120"),
        sample("80", low=D("70"), high=D("90"), n=9),
        Verdict.NO_DATA,
        "latency-p95-ms: 9 samples < minSamples 50",
    ),
    Row(
        "evidence that will not grow passes where its interval contains the limit, if no loss is beyond chance",
        quality(min_absolute_change="-0.01"),
        sample("0.435", "0.44", low=D("0.42"), high=D("0.45")),
        Verdict.PASSED,
        "ndcg@10 0.435 >= baseline 0.44 - 0.01 = 0.43 (n=100)",
    ),
    Row(
        "it fails where the loss is beyond chance and may be more than is tolerated",
        quality(min_absolute_change="-0.01"),
        sample("0.435", "0.44", low=D("0.42"), high=D("0.439")),
        Verdict.FAILED,
        "ndcg@10 0.435 >= baseline 0.44 - 0.01 = 0.43, but it is a loss beyond chance that may exceed the tolerance, "
        "-0.02 < -0.01 (n=100)",
    ),
    Row(
        "a gain that is demanded must be one beyond chance, also where less is better",
        latency(min_absolute_change="5"),
        sample("90", "100", low=D("75"), high=D("101")),
        Verdict.FAILED,
        "latency-p95-ms 90 <= baseline 100 - 5 = 95, but the gain may be chance, -1 <= 0 (n=100)",
    ),
    Row(
        "a part of the queries that loses beyond chance fails what is fine as a whole",
        quality(min_absolute_change="-0.01", max_slice_loss="0.05"),
        sample("0.45", "0.44", slices=(part("0.31", "0.52", best="0.4"),)),
        Verdict.FAILED,
        "ndcg@10 0.31 < baseline 0.52 - 0.05 where language = es (n=24) (n=100)",
    ),
    Row(
        "a loss that a part may have does not",
        quality(min_absolute_change="-0.01", max_slice_loss="0.05"),
        sample("0.45", "0.44", slices=(part("0.48", "0.52", best="0.5"),)),
        Verdict.PASSED,
        "ndcg@10 0.45 >= baseline 0.44 - 0.01 = 0.43 (n=100)",
    ),
    Row(
        "after 100 % production's last value is compared with",
        latency(min_relative_change="-0.2"),
        sample("150"),
        Verdict.FAILED,
        "latency-p95-ms 150 > baseline 100 + 20 % = 120 (n=100)",
        Comparison(expected=False, references={"latency-p95-ms": D(100)}),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_one_gate_on_one_sample(row: Row):
    result = judge(row.gate, row.sample, row.comparison, row.fresh)

    assert (result.verdict, result.message) == (row.verdict, row.message)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(0, Verdict.PASSED), (60, Verdict.PASSED), (61, Verdict.NO_DATA), (-61, Verdict.NO_DATA)],
)
def test_data_of_another_time_is_no_data(age: int, verdict: Verdict):
    old = sample("50", newest=NOW - timedelta(seconds=age))

    assert judge(latency(threshold="100"), old, ALONE, Freshness.around(NOW, 60)).verdict is verdict


@given(
    value=st.decimals(places=3, min_value=-10, max_value=10),
    baseline=st.decimals(places=3, min_value=-10, max_value=10),
    change=st.decimals(places=3, min_value=-1, max_value=1),
)
def test_a_change_is_counted_in_the_better_direction(value: Decimal, baseline: Decimal, change: Decimal):
    rises = judge(quality(min_absolute_change=str(change)), sample(str(value), str(baseline)), BESIDE)
    falls = judge(latency(min_absolute_change=str(change)), sample(str(-value), str(-baseline)), BESIDE)

    assert rises.verdict is falls.verdict
    assert (rises.verdict is Verdict.PASSED) == (value - baseline >= change)


@given(st.one_of(st.none(), st.decimals()), st.one_of(st.none(), st.decimals()), st.integers(0, 100))
def test_whatever_a_source_says_some_verdict_comes_out(value: Decimal | None, baseline: Decimal | None, n: int):
    said = Sample(metric="any", value=value, baseline=baseline, low=baseline, high=value, samples=n)

    for gate in (quality(threshold="0.1"), latency(min_relative_change="-0.2", min_absolute_change="3")):
        result = judge(gate, said, BESIDE)
        assert result.value is None or result.value.is_finite()


def test_a_failure_outweighs_all_and_anything_unsettled_outweighs_a_pass():
    assert worst([]) is Verdict.PASSED
    assert worst([Verdict.PASSED, Verdict.NO_DATA]) is Verdict.NO_DATA
    assert worst([Verdict.ERROR, Verdict.FAILED, Verdict.NO_DATA]) is Verdict.FAILED
