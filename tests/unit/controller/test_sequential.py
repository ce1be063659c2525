"""Bounds that hold at every look: by definition, by a second implementation, and by watching them be wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, xlog1py, xlogy

from controller.sequential import (
    Sorted,
    Tally,
    alpha_at,
    difference,
    quantile_beside,
    quantile_levels,
    share,
    share_beside,
)

ALPHA = 0.05


@st.composite
def tallies(draw: st.DrawFn, most: int = 5_000) -> Tally:
    count = draw(st.integers(0, most))
    return Tally(draw(st.integers(0, count)), count)


def bet(seen: Tally, supposed: np.ndarray) -> np.ndarray:
    """The second implementation, on scipy."""
    return _bets(np.array(seen.total), seen.count, supposed)


@pytest.mark.parametrize(("total", "count"), [(0, 0), (0, 30), (1, 30), (3, 700), (50, 100), (700, 700), (12.5, 40)])
def test_a_share_has_the_bounds_that_a_search_by_hand_finds(total: float, count: int):
    grid = np.linspace(0, 1, 200_001)
    inside = grid[bet(Tally(total, count), grid) < -math.log(ALPHA)]
    found = share(Tally(total, count), ALPHA)

    assert (found.low, found.high) == pytest.approx((inside[0], inside[-1]), abs=2e-5)


@pytest.mark.parametrize(("ours", "theirs"), [((0, 30), (2, 270)), ((9, 60), (3, 540)), ((5, 5), (0, 0))])
def test_a_difference_has_the_bounds_that_a_search_by_hand_finds(ours: tuple[int, int], theirs: tuple[int, int]):
    candidate, baseline = Tally(*ours), Tally(*theirs)
    shares = np.linspace(0, 1, 2_001)
    won = bet(candidate, shares)[:, None] + bet(baseline, shares)[None, :]
    apart = (shares[:, None] - shares[None, :])[won < -math.log(ALPHA)]
    found = difference(candidate, baseline, ALPHA)

    assert (found.low, found.high) == pytest.approx((apart.min(), apart.max()), abs=2e-3)


@given(tallies(), tallies())
def test_bounds_contain_what_was_seen_and_stay_within_what_can_be(candidate: Tally, baseline: Tally):
    alone, apart = share(candidate, ALPHA), difference(candidate, baseline, ALPHA)

    assert 0 <= alone.low <= candidate.mean <= alone.high <= 1
    assert -1 <= apart.low <= candidate.mean - baseline.mean <= apart.high <= 1


@given(tallies(), st.integers(2, 5))
def test_more_of_the_same_narrows_the_bounds(seen: Tally, times: int):
    once, more = share(seen, ALPHA), share(Tally(seen.total * times, seen.count * times), ALPHA)

    assert more.high - more.low <= once.high - once.low + 1e-9


@given(tallies())
def test_failures_and_successes_are_mirror_images(seen: Tally):
    found, mirrored = share(seen, ALPHA), share(Tally(seen.count - seen.total, seen.count), ALPHA)

    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


@given(st.sampled_from([0.5, 0.95, 0.99]), st.integers(0, 20_000))
def test_the_levels_are_those_that_a_count_below_the_quantile_may_have(quantile: float, count: int):
    levels = quantile_levels(quantile, count, ALPHA)
    below = np.arange(count + 1)
    plausible = below[_bets(below, count, quantile) < -math.log(ALPHA)]

    assert levels.low == (plausible[0] / count if count else 0)
    assert levels.high == ((plausible[-1] + 1) / count if count else math.inf)


def _bets(hits: np.ndarray, counts: np.ndarray | int, supposed: np.ndarray | float) -> np.ndarray:
    mixture = betaln(hits + 0.5, counts - hits + 0.5) - betaln(0.5, 0.5)
    return mixture - xlogy(hits, supposed) - xlog1py(counts - hits, -supposed)


def test_few_values_bound_no_high_quantile_from_above():
    values = Sorted(count=20, at=lambda level: math.inf if level > 1 else level)

    assert quantile_beside(0.95, values, None, ALPHA).high == math.inf
    assert quantile_beside(0.95, values, values, ALPHA).low == -math.inf


def test_the_parts_of_the_error_sum_to_what_is_permitted():
    parts = [alpha_at(0.95, 3, number) for number in range(100_000)]

    assert 3 * sum(parts) == pytest.approx(0.05, rel=1e-4)
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize(("total", "count"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5), (0, -1)])
def test_what_is_no_tally_is_refused(total: float, count: int):
    with pytest.raises(ValueError, match="is no share"):
        Tally(total, count)


LIVES, LOOKS, A_LOOK, BESIDE = 1_000, 60, 20, 4


@pytest.mark.parametrize("failing", [0.005, 0.05, 0.5])
def test_over_whole_lives_of_equal_versions_the_bounds_are_wrong_less_often_than_permitted(failing: float):
    """Sixty looks each; two standard errors, which are meant for one look, are wrong in many more of these lives."""
    rng = np.random.default_rng(7)
    ours = rng.binomial(A_LOOK, failing, (LIVES, LOOKS)).cumsum(axis=1)
    theirs = rng.binomial(BESIDE * A_LOOK, failing, (LIVES, LOOKS)).cumsum(axis=1)
    asked = A_LOOK * np.arange(1, LOOKS + 1)
    pooled = (ours + theirs) / ((1 + BESIDE) * asked)
    won = _bets(ours, asked, pooled) + _bets(theirs, BESIDE * asked, pooled)  # against there being no difference
    ruled_out = won >= -math.log(ALPHA)
    spread = np.sqrt(pooled * (1 - pooled) * (1 + 1 / BESIDE) / asked)
    naive = np.abs(ours / asked - theirs / (BESIDE * asked)) > 1.96 * spread

    assert ruled_out.any(axis=1).mean() <= ALPHA
    assert naive.any(axis=1).mean() > 2 * ALPHA, "there was nothing to be wrong about"
    for life, look in zip(rng.integers(0, LIVES, 40), rng.integers(0, LOOKS, 40), strict=True):
        tally = Tally(int(ours[life, look]), int(asked[look]))
        beside = Tally(int(theirs[life, look]), BESIDE * int(asked[look]))
        bounds = share_beside(tally, beside, ALPHA)
        assert (bounds.low > beside.mean or bounds.high < beside.mean) == ruled_out[life, look]


def test_means_of_values_between_zero_and_one_are_bounded_too():
    rng = np.random.default_rng(3)
    gains = rng.beta(2, 5, (LIVES, 600)).cumsum(axis=1)
    wrong = sum(
        any(not _within(share(Tally(float(total[count - 1]), count), ALPHA), 2 / 7) for count in range(20, 601, 20))
        for total in gains
    )

    assert wrong / LIVES <= ALPHA


def _within(bounds: object, mean: float) -> bool:
    return bounds.low <= mean <= bounds.high  # type: ignore[attr-defined]
