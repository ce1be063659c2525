"""The answer to a Measure, from the requests that this process answered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from controller.actions import Measure
from controller.resource.policy import Gate
from mlops.embedded.live_traffic import LiveTraffic
from mlops.monitoring.traffic_log import ServedRequest, TrafficLog
from tests.unit.embedded.conftest import START

ERRORS = Gate(metric="error-rate", threshold=Decimal("0.1"))
CLICKS = Gate(metric="ctr", threshold=Decimal("0.1"))
DRIFT = Gate(metric="score-drift", threshold=Decimal("0.1"))


@pytest.fixture
def log():
    log = TrafficLog()
    for second in range(10):
        for version, failed in (("1.0.0", False), ("1.1.0", second % 2 == 0)):
            at = (START + timedelta(seconds=second)).timestamp()
            log.record(ServedRequest(at=at, version=version, failed=failed, latency_ms=5))
    return log


def measured(log, *, gates=(ERRORS,), since=0, now=60, baseline="1.0.0", version="1.1.0"):
    action = Measure(
        name="look-1", version=version, baseline=baseline, since=START + timedelta(seconds=since), gates=gates
    )
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
    assert [sample.metric for sample in measured(log, gates=(ERRORS, CLICKS, DRIFT)).samples] == ["error-rate", "ctr"]


def test_after_the_clock_was_set_back_the_future_that_has_been_does_not_count(log):
    (sample,) = measured(log, since=-3600, now=4).samples
    assert (sample.samples, sample.newest) == (5, START + timedelta(seconds=4))
