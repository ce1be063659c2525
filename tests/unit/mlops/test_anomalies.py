"""Odd points of a series: what is found, how soon, and how seldom a quiet one is called odd."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Invalid
from mlops.monitoring.anomalies import Kind, anomalies, worse_when_rising
from mlops.monitoring.level_detector import LevelDetector
from mlops.monitoring.series import Point, collect

METRIC = "api_latency"


def found(values, metric=METRIC, **options):
    points = tuple(Point(float(t), float(value), t) for t, value in enumerate(values))
    return anomalies({metric: points}, LevelDetector, **options)


def quiet(seed, number=300, kind="normal"):
    rng = np.random.default_rng(seed)
    match kind:
        case "normal":
            return rng.normal(50, 5, number)
        case "long-tailed":
            return rng.lognormal(3, 0.4, number)
        case "correlated":
            return 50 + 5 * np.convolve(rng.normal(0, 1, number + 3), [0.5, 0.3, 0.2, 0.1], "valid")
        case _:
            return rng.poisson(20, number).astype(float)


@pytest.mark.parametrize("kind", ["normal", "long-tailed", "correlated", "counts"])
def test_quiet_series_are_quiet(kind):
    """At most 4 in 3,000 points; measured over 10,000: 0, 4, 6 and 5."""
    assert sum(len(found(quiet(seed, kind=kind))) for seed in range(10)) <= 4


@pytest.mark.parametrize(("sign", "worse"), [(1, True), (-1, False)], ids=["up", "down"])
def test_a_spike_is_found_where_it_is(sign, worse):
    values = quiet(0)
    values[200] = 50 + sign * 45
    (spike,) = found(values)
    assert (spike.point.t, spike.kind, spike.rises, spike.worse) == (200, Kind.SPIKE, sign > 0, worse)
    assert "> 4.8 robust standard deviations" in spike.reason


def test_one_spike_does_not_hide_the_next():
    values = quiet(0)
    values[[200, 205, 210]] = 120
    assert [each.point.t for each in found(values)] == [200, 205, 210]


@pytest.mark.parametrize("seed", range(5))
def test_a_level_that_jumps_is_told_once_and_then_is_the_level(seed):
    values = quiet(seed)
    values[200:] += 60
    jump = found(values)
    assert {each.kind for each in jump} == {Kind.LEVEL_SHIFT}
    assert [each.point.t for each in jump] == [200, 201, 202, 203, 204]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_shift_is_found_within_thirty_values(seed):
    """1.5 standard deviations: no one value is odd."""
    values = quiet(seed, 400)
    values[250:] -= 7.5
    shift = [each for each in found(values, metric="ctr") if each.kind is not Kind.SPIKE][0]  # noqa: RUF015 - fails better
    assert 250 <= shift.point.t <= 280
    assert (shift.rises, shift.worse) == (False, True)


@pytest.mark.parametrize("seed", range(5))
def test_what_creeps_is_found(seed):
    values = quiet(seed, 500)
    values[200:] += 0.25 * np.arange(300)
    creeping = [each for each in found(values) if each.kind is not Kind.SPIKE]
    assert creeping
    assert all(each.point.t >= 200 and each.rises for each in creeping)


def test_a_straight_climb_is_a_trend():
    values = quiet(0, 140) / 50
    values[60:] += 0.02 * np.arange(80)
    assert Kind.TREND in {each.kind for each in found(values)}


def test_a_constant_that_changes_is_odd_and_rare_events_are_not_for_ever():
    assert [each.point.t for each in found([10.0] * 50 + [11.0] + [10.0] * 20)] == [50]
    rare = (np.random.default_rng(0).random(600) < 0.02).astype(float)
    assert len(found(rare, metric="error_rate")) <= 0.4 * rare.sum()


def test_too_few_values_are_judged_by_nobody():
    assert found([1.0] * 12 + [100.0]) != ()
    assert found([1.0] * 11 + [100.0]) == ()


WORSE = {
    "api_latency": True, "error_rate": True, "latency-p95-ms": True, "empty-rate": True, "memory_bytes": True,
    "ndcg@10": False, "ctr": False, "num_recipes": False, "request_count": None, "temperature": None,
}  # fmt: skip


@pytest.mark.parametrize(("metric", "rising"), WORSE.items())
def test_the_name_tells_which_way_is_worse(metric, rising):
    assert worse_when_rising(metric) is rising


def test_who_asks_may_know_better():
    values = quiet(0)
    values[200] = 500
    assert [each.worse for each in found(values, directions={METRIC: False})] == [False]


@given(st.lists(st.floats(-1e12, 1e12), max_size=80))
def test_any_values_are_judged(values):
    """Points are told in the order of time, none twice, and each is of the series."""
    places = [each.point.t for each in found(values)]
    assert places == sorted(set(places))
    assert all(0 <= place < len(values) for place in places)


BROKEN = {
    "not JSON": "{",
    "not an object": "3",
    "metric is no name": '{"t": 1, "metric": "", "value": 1}',
    "value is no finite number": '{"t": 1, "metric": "a", "value": true}',
    "t is neither a number nor a time as in 2026-01-31T12:00:00Z": '{"t": "soon", "metric": "a", "value": 1}',
}


@pytest.mark.parametrize(("rule", "line"), BROKEN.items(), ids=BROKEN)
def test_a_broken_line_is_left_out_and_counted(rule, line):
    reading = collect([line.encode(), b'{"t": 1, "metric": "a", "value": 1}'], name="test")
    assert (len(reading.series["a"]), reading.left_out) == (1, {rule: 1})


def test_points_are_in_the_order_of_time_and_keep_how_it_was_written():
    rows = [{"t": t, "metric": "a", "value": 1} for t in ("2026-01-02", 5, "2026-01-01T10:00:00+02:00")]
    points = collect([json.dumps(row).encode() for row in rows], name="test").series["a"]
    assert [point.t for point in points] == [5, "2026-01-01T10:00:00+02:00", "2026-01-02"]


def test_a_file_of_something_else_is_refused():
    with pytest.raises(Invalid, match="3 of 3 lines are no points"):
        collect([b"a,b", b"1,2", b"3,4"], name="test")
