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
    side,
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


@given(tallies(), tallies(), st.sampled_from([0.05, 0.001]))
def test_which_side_a_version_is_on_is_what_a_sum_by_hand_says(candidate: Tally, baseline: Tally, alpha: float):
    """The second implementation multiplies the bets out, failures and successes, on scipy's functions."""
    found = side(candidate, baseline, alpha)

    if candidate.count and baseline.count:
        split = candidate.count / (candidate.count + baseline.count)
        won = [_won(candidate, baseline, split, sign) for sign in (1, -1)]
        assert found == (1 if won[0] >= -math.log(alpha) else -1 if won[1] >= -math.log(alpha) else 0)
        assert found * (candidate.mean - baseline.mean) >= 0
    else:
        assert found == 0


def _won(candidate: Tally, baseline: Tally, split: float, sign: int) -> float:
    times = np.array([1.5, 3, 6, 12, 24, 96]) ** sign
    events = _against(candidate.total, baseline.total, split, times)
    others = _against(candidate.count - candidate.total, baseline.count - baseline.total, split, 1 / times)
    return float(np.logaddexp.reduce([*(math.log(0.9 / 6) + events), *(math.log(0.1 / 6) + others)]))


def _against(ours: float, theirs: float, split: float, times: np.ndarray) -> np.ndarray:
    """Each event is the candidate's with a chance of `split`, or with that of a candidate `times` as likely to fail."""
    supposed = split * times / (1 - split + split * times)
    return xlogy(ours, supposed / split) + xlogy(theirs, (1 - supposed) / (1 - split))


@pytest.mark.parametrize(("failing", "split"), [(0.005, 0.1), (0.05, 0.5), (0.5, 0.1)])
def test_over_whole_lives_of_equal_versions_one_is_called_worse_less_often_than_permitted(failing: float, split: float):
    """Looked at after every ten requests, each of which the candidate answers by the toss of a coin."""
    rng = np.random.default_rng(11)
    requests = rng.random((200, 2_000)) < split
    failures = rng.random((200, 2_000)) < failing
    wrong = 0
    for ours, failed in zip(requests, failures, strict=True):
        counts = [np.cumsum(each)[9::10] for each in (failed & ours, ours, failed & ~ours, ~ours)]
        wrong += any(
            side(Tally(int(a), int(b)), Tally(int(c), int(d)), ALPHA) == 1 for a, b, c, d in zip(*counts, strict=True)
        )

    assert wrong / 200 <= ALPHA


def test_worse_at_all_is_known_long_before_worse_by_how_much():
    """Six failures of a hundred beside five of a thousand: beyond chance, but whether beyond two points is open."""
    bounds = share_beside(Tally(6, 100), Tally(5, 1_000), 0.00625)

    assert bounds.side == 1
    assert bounds.low < 0.005 + 0.02 < bounds.high


@pytest.mark.parametrize(("times", "expected"), [(2.0, 1), (1.0, 0), (0.4, -1)])
def test_latencies_are_apart_where_more_of_one_version_lie_beyond_the_others_quantile(times: float, expected: int):
    levels = np.exp(0.5 * np.random.default_rng(5).standard_normal(2_000))
    ours, theirs = np.sort(times * levels[:400]), np.sort(levels[400:])

    assert quantile_beside(0.95, _sorted(ours), _sorted(theirs), 0.00625).side == expected


def test_nobody_who_answered_nothing_is_on_a_side():
    nothing = Sorted(count=0, at=lambda _: math.nan)

    assert side(Tally(0, 0), Tally(5, 1_000), ALPHA) == 0
    assert quantile_beside(0.95, nothing, nothing, ALPHA).side == 0
    assert quantile_beside(0.95, nothing, _sorted(np.arange(1.0, 101.0)), ALPHA).side == 0


def _sorted(values: np.ndarray) -> Sorted:
    return Sorted(
        count=len(values),
        at=lambda level: math.inf if level > 1 else float(values[max(math.ceil(level * len(values) - 1e-9) - 1, 0)]),
    )
