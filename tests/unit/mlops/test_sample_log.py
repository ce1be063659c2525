"""Measurements outlive the process that made them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlops.feedback_spool import DailySpool
from mlops.monitoring.collector import MetricsCollector
from mlops.monitoring.sample_log import NAME, SampleLog, samples_of
from mlops.monitoring.statistics import Sample
from tests.builders.samples import columns_of

NOW = 1_800_000_000.0


def spool(folder, now=NOW):
    return DailySpool(folder, lambda: now, name=NAME, fsync=False, keep_days=7)


def test_the_next_process_knows_what_was_measured(tmp_path):
    log = SampleLog(spool(tmp_path))
    collector = MetricsCollector(lambda: NOW, log)
    whole = Sample(at=NOW - 5, failed=False, api_latency_ms=12.5, num_recipes=10, top_score=0.8)
    for sample in (whole, Sample(at=NOW - 3, failed=True, api_latency_ms=3.0)):
        collector.record(sample)
    log.close()

    again = spool(tmp_path)
    after = MetricsCollector(lambda: NOW + 60, capacity=10)
    after.restore(samples_of(again.newest_rows(10)))
    again.close()
    np.testing.assert_array_equal(after.newest(3600).rows[:1], columns_of([whole]).rows)
    window = after.window(5)
    assert (window.requests, window.errors) == (2, 1)
    assert not window.complete, "of the minutes before nobody knows"


def test_what_is_restored_is_older_than_what_comes_and_makes_way_for_it():
    collector = MetricsCollector(lambda: NOW, capacity=3)
    collector.restore([Sample(at=NOW - 10 + each, failed=False, api_latency_ms=float(each)) for each in range(5)])
    collector.record(Sample(at=NOW, failed=False, api_latency_ms=4.5))
    assert collector.newest(3600).all_of("api_latency_ms").tolist() == [3.0, 4.0, 4.5]


@pytest.mark.parametrize(
    "row",
    [
        {}, {"at": NOW}, {"at": NOW, "failed": "no", "api_latency_ms": 1}, {"at": "now", "failed": False, "api_latency_ms": 1},
        {"at": NOW, "failed": False, "api_latency_ms": True}, {"at": NOW, "failed": False, "api_latency_ms": 1, "top_score": []},
    ],
    ids=lambda row: json.dumps(row)[:50],
)  # fmt: skip
def test_a_line_that_is_no_sample_is_left_out(row):
    good = {"at": NOW, "failed": False, "api_latency_ms": 1.0, "from": "a later release"}
    assert len(samples_of([row, good])) == 1
