"""What goes round in a series is found, is no anomaly, and hides none; what does not go round is left alone."""

import numpy as np
import pytest

from mlops.monitoring.anomalies import anomalies
from mlops.monitoring.level_detector import LevelDetector
from mlops.monitoring.seasonality import season_of
from mlops.monitoring.series import Point

POINTS, ONSET = 600, 350
PLACES = np.arange(POINTS)
SERIES = range(12)


def going_round(seed, period=288, high=30.0):
    """A hundred, give or take five, that rises and falls by `high` in each period."""
    return 100 + high * np.sin(2 * np.pi * PLACES / period) + 5 * np.random.default_rng(seed).standard_normal(POINTS)


def flagged(values):
    points = tuple(Point(float(place), float(value), place) for place, value in enumerate(values))
    return anomalies({"m": points}, LevelDetector)


@pytest.mark.parametrize("period", [60, 144, 288])
def test_the_period_and_what_is_usual_are_those_of_the_series(period):
    found = season_of(PLACES.astype(float), going_round(1, period))
    assert found is not None
    assert found.period == pytest.approx(period, rel=0.03)
    assert np.abs(found.usual - 30 * np.sin(2 * np.pi * PLACES / period)).max() < 6


@pytest.mark.parametrize("period", [60, 288])
def test_what_goes_round_is_seldom_an_anomaly(period):
    assert sum(len(flagged(going_round(seed, period))) for seed in SERIES) <= 12, "of 7,200 points"


@pytest.mark.parametrize("period", [60, 288])
def test_a_spike_within_the_usual_range_is_found_at_its_time(period):
    for seed in SERIES:
        values = going_round(seed, period)
        # Eight standard deviations towards the middle: of all values of the day it is none of the largest.
        values[ONSET] += 40 if values[ONSET] < 100 else -40
        (spike,) = [each for each in flagged(values) if each.point.at == ONSET]
        assert "less what is usual at its time in a period of" in spike.reason


@pytest.mark.parametrize("period", [60, 288])
def test_a_level_that_shifts_by_less_than_it_goes_round_is_found(period):
    for seed in SERIES:
        values = going_round(seed, period)
        values[ONSET:] += 15
        assert any(ONSET <= each.point.at < ONSET + 40 for each in flagged(values))


def walk(seed):
    return np.cumsum(np.random.default_rng(seed).standard_normal(POINTS))


NOT_ROUND = {
    "noise": lambda seed: np.random.default_rng(seed).standard_normal(POINTS),
    "a step": lambda seed: np.random.default_rng(seed).standard_normal(POINTS) + 6.0 * (PLACES > ONSET),
    "a trend that begins": lambda seed: (
        np.random.default_rng(seed).standard_normal(POINTS) + 0.05 * np.maximum(0, PLACES - ONSET)
    ),
    "one period and a half": lambda seed: going_round(seed, 400),
    "a constant": lambda _: np.full(POINTS, 3.0),
}


@pytest.mark.parametrize("series", NOT_ROUND.values(), ids=NOT_ROUND)
def test_what_does_not_go_round_has_no_period(series):
    assert [season_of(PLACES.astype(float), series(seed)) for seed in SERIES] == [None] * len(SERIES)


def test_a_walk_seldom_has_one():
    assert sum(season_of(PLACES.astype(float), walk(seed)) is not None for seed in range(40)) <= 4


def test_points_at_odd_times_have_none():
    times = np.cumsum(np.random.default_rng(1).exponential(1.0, POINTS))
    assert season_of(times, going_round(1)) is None
