"""Statistics of a window: tables by hand, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.monitoring.statistics import PER_MINUTE, PER_REQUEST, Sample, summarize, window_statistics
from tests.builders.samples import columns_of

NOW = 1_000_000.0


def a_sample(*, ago, latency=5.0, failed=False, recipes=10, embedding=None):
    return Sample(
        at=NOW - ago, failed=failed, api_latency_ms=latency, num_recipes=recipes, embedding_latency_ms=embedding
    )  # fmt: skip


def window(samples, minutes=5, known_since=0.0):
    return window_statistics(columns_of(samples), minutes=minutes, now=NOW, known_since=known_since)


def test_the_eight_numbers_by_hand():
    found = summarize([1, 2, 3, 4])

    assert (found.count, found.mean, found.min, found.max, found.p50) == (4, 2.5, 1, 4, 2.5)
    assert found.std == pytest.approx(math.sqrt(1.25))
    assert (found.p95, found.p99) == (pytest.approx(3.85), pytest.approx(3.97))


def test_nothing_has_no_summary():
    assert summarize([]) is None


def test_one_value_is_all_of_its_distribution():
    found = summarize([7.0])

    assert {found.mean, found.p50, found.p95, found.p99, found.min, found.max} == {7.0}
    assert (found.count, found.std) == (1, 0)


def test_every_metric_of_the_catalogue_is_there_and_null_without_data():
    found = window([])

    assert set(found.metrics) == {*PER_REQUEST, *PER_MINUTE}
    assert [name for name, summary in found.metrics.items() if summary is not None] == ["request_count"]
    assert found.metrics["request_count"].max == 0


def test_a_phase_that_did_not_happen_is_no_zero():
    found = window([a_sample(ago=1, embedding=None), a_sample(ago=1, embedding=8.0)])

    assert (found.metrics["embedding_latency_ms"].count, found.metrics["embedding_latency_ms"].mean) == (1, 8.0)
    assert found.metrics["translation_latency_ms"] is None


def test_requests_and_errors_are_counted_by_the_minute():
    samples = [a_sample(ago=10, failed=True), a_sample(ago=20), a_sample(ago=70), a_sample(ago=250)]

    found = window(samples, minutes=5)

    assert (found.requests, found.errors) == (4, 1)
    assert (found.metrics["request_count"].count, found.metrics["request_count"].max) == (5, 2)
    assert found.metrics["request_count"].mean == pytest.approx(4 / 5)
    assert found.metrics["error_rate"].count == 3
    assert found.metrics["error_rate"].max == 0.5


EDGES = {
    "now": (0, 1),
    "a moment inside": (299.9, 1),
    "exactly as old as the window": (300, 0),
    "older": (301, 0),
    "from the future": (-1, 0),
}


@pytest.mark.parametrize(("ago", "requests"), EDGES.values(), ids=EDGES.keys())
def test_the_window_ends_now_and_leaves_out_its_start(ago, requests):
    assert window([a_sample(ago=ago)]).requests == requests


def test_minutes_before_the_process_began_do_not_count_as_quiet():
    found = window([a_sample(ago=30), a_sample(ago=90)], minutes=60, known_since=NOW - 120)

    assert found.metrics["request_count"].count == 2
    assert (found.complete, found.since) == (False, NOW - 120)


def test_a_window_all_known_is_complete():
    found = window([], minutes=5, known_since=NOW - 300)

    assert (found.complete, found.since, found.until) == (True, NOW - 300, NOW)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_are_in_order_and_within_the_extremes(values):
    found = summarize(values)

    slack = 1e-9 * max(values) + 1e-9
    assert found.min <= found.p50 + slack
    assert found.p50 <= found.p95 + slack
    assert found.p95 <= found.p99 + slack
    assert found.p99 <= found.max + slack
    assert found.min - slack <= found.mean <= found.max + slack


@given(st.lists(st.tuples(st.floats(0, 3600), st.booleans()), max_size=60), st.integers(1, 60))
def test_minutes_add_up_to_the_whole(requests, minutes):
    found = window([a_sample(ago=ago, failed=failed) for ago, failed in requests], minutes=minutes)

    count = found.metrics["request_count"]
    assert count.count == minutes
    assert np.isclose(count.mean * count.count, found.requests)
    assert found.errors <= found.requests
