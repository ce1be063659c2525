"""The answer to a Measure, from the requests that this process answered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from controller.actions import Measure
from controller.resource.gate import Gate
from controller.sequential import Tally, quantile_levels, share_beside
from mlops.embedded.live_traffic import LiveTraffic
from mlops.monitoring.traffic_log import ServedRequest, TrafficLog
from tests.unit.embedded.conftest import START

ERRORS = Gate(metric="error-rate", threshold=Decimal("0.1"))
CLICKS = Gate(metric="ctr", threshold=Decimal("0.1"))
MEDIAN = Gate(metric="latency-p50-ms", threshold=Decimal(100))
SLOWEST = Gate(metric="latency-p99-ms", threshold=Decimal(100))
DRIFT = Gate(metric="score-drift", threshold=Decimal("0.1"))
QUEUE = Gate(metric="query/queue", threshold=Decimal(5), greater_is_better=False)


@pytest.fixture
def log():
    log = TrafficLog()
    for second in range(10):
        for version, failed in (("1.0.0", False), ("1.1.0", second % 2 == 0)):
            at = (START + timedelta(seconds=second)).timestamp()
            log.record(ServedRequest(at=at, version=version, failed=failed, latency_ms=5))
    return log


def measured(log, *, gates=(ERRORS,), since=0, now=60, baseline="1.0.0", version="1.1.0", alpha=None):
    since = START + timedelta(seconds=since)
    action = Measure(name="look-1", version=version, baseline=baseline, since=since, gates=gates, alpha=alpha)
    return LiveTraffic(log).measure(action, START + timedelta(seconds=now))


def test_both_versions_are_measured_over_the_same_time(log):
    (sample,) = measured(log, since=5).samples
    assert (sample.value, sample.baseline, sample.samples) == (Decimal("0.4"), Decimal(0), 5)
    assert sample.newest == START + timedelta(seconds=9)


def test_what_nobody_asked_is_not_zero(log):
    (sample,) = measured(log, since=30).samples
    assert sample.value.is_nan()
    assert (sample.samples, sample.newest, sample.baseline) == (0, None, None)


def test_alone_at_a_hundred_percent_there_is_no_baseline(log):
    (sample,) = measured(log, baseline=None).samples
    assert sample.baseline is None


def test_a_metric_that_this_process_does_not_measure_has_no_sample(log):
    assert [sample.metric for sample in measured(log, gates=(ERRORS, CLICKS, QUEUE)).samples] == ["error-rate", "ctr"]


@pytest.fixture
def scored():
    """A thousand answers of each; nine of ten scores of the one beside are twice those of the other."""
    log = TrafficLog()
    for number in range(1_000):
        for version, score in (("1.0.0", 0.45), ("1.1.0", 0.45 if number % 10 == 0 else 0.9), ("1.2.0", 0.45)):
            log.record(
                ServedRequest(
                    at=START.timestamp() + number / 100, version=version, failed=False, latency_ms=5,
                    recommendation_ids=(f"{version}-{number}",), hits=(("r1",),), top_scores=(score,),
                )
            )  # fmt: skip
    return log


def test_scores_drift_by_the_greatest_distance_of_their_distributions(scored):
    (sample,) = measured(scored, gates=(DRIFT,), alpha=0.05).samples
    assert (sample.value, sample.samples, sample.baseline) == (Decimal("0.9"), 1_000, None)
    assert Decimal("0.8") < sample.low < sample.value < sample.high < 1


def test_equal_scores_are_not_far_apart_and_how_far_at_most_is_known(scored):
    (sample,) = measured(scored, gates=(DRIFT,), version="1.2.0", alpha=0.05).samples
    assert (sample.value, sample.low) == (0, 0)
    assert 0 < sample.high < Decimal("0.1")


def test_scores_drift_from_those_of_a_version_beside_or_not_at_all(scored, log):
    assert measured(scored, gates=(DRIFT,), baseline=None).samples == ()
    assert measured(log, gates=(DRIFT,)).samples == (), "nobody had a score"
    (sample,) = measured(scored, gates=(DRIFT,), version="2.0.0").samples
    assert sample.value.is_nan()


def test_after_the_clock_was_set_back_the_future_that_has_been_does_not_count(log):
    (sample,) = measured(log, since=-3600, now=4).samples
    assert (sample.samples, sample.newest) == (5, START + timedelta(seconds=4))


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [("1.0.0", share_beside(Tally(5, 10), Tally(0, 10), 0.05)), (None, share_beside(Tally(5, 10), None, 0.05))],
)
def test_bounds_are_asked_for_by_how_often_they_may_be_wrong(log, baseline, expected):
    (sample,) = measured(log, alpha=0.05, baseline=baseline).samples
    assert (float(sample.low), float(sample.high)) == pytest.approx((expected.low, expected.high), rel=1e-5)


def test_bounds_of_a_latency_are_values_that_were_seen_or_none(log):
    for number in range(1, 101):
        request = ServedRequest(at=START.timestamp() + 20, version="2.0.0", failed=False, latency_ms=number)
        log.record(request)
    levels = quantile_levels(0.5, 100, 0.05)
    (median, high) = measured(log, gates=(MEDIAN, SLOWEST), alpha=0.05, baseline=None, version="2.0.0").samples

    assert (median.low, median.high) == (round(levels.low * 100), round(levels.high * 100))
    assert high.high == Decimal("Infinity"), "a hundred values do not bound the 99th percentile"
    assert high.low < 99


def test_what_nobody_asked_bounds_nothing(log):
    (sample,) = measured(log, since=30, alpha=0.05, baseline=None).samples
    assert (sample.low, sample.high) == (0, 1)
