"""Bounds that hold at every look: shares and quantiles of live traffic, looked at as often as one likes. Pure.

An interval made for one look is wrong sooner or later when it is looked at every minute. These come from a betting
argument (Ville 1939; Robbins 1970): the mixture of likelihoods, with weights Beta(1/2, 1/2), over the likelihood of a
supposed share is a fair bet against that share. It ever exceeds 1/alpha with a probability of at most alpha, whatever
is decided on the way; what it has not exceeded yet are the bounds. For values between 0 and 1 that are no yes or no,
the same bet is less than fair, so that the bounds hold for their mean.

How far two versions are apart takes bounds of both. Whether they are apart at all takes less: of two that fail alike,
each failure is the candidate's as often as its share of the requests says, and that is what `side` bets on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PRIOR = 0.5
_ROUNDS = 34  # halvings of at most 2: ten digits, of which four are shown
# How many times as often the candidate fails, where it does: what `side` is quick to find. And how the stake is divided
# among bets on what is counted and on its complement: errors are rare, gains of answers may be the rule.
_TIMES = (1.5, 3.0, 6.0, 12.0, 24.0, 96.0)
_STAKES = (0.9, 0.1)


@dataclass(frozen=True, slots=True)
class Tally:
    """`total` of `count` values between 0 and 1: failures of requests, gains of answers."""

    total: float
    count: int

    def __post_init__(self) -> None:
        """Refuse what no tally can be."""
        if self.count < 0 or not 0 <= self.total <= self.count:
            raise ValueError(f"{self.total} of {self.count} is no share")

    @property
    def mean(self) -> float:
        """The share itself, 0 of 0 being 0."""
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both ends, which belong to it, and on which `side` of the baseline all of it is (see `side`)."""

    low: float
    high: float
    side: int = 0


@dataclass(frozen=True, slots=True)
class Sorted:
    """`count` values, of which `at(level)` is the quantile of a level: infinite above 1, NaN where it is not known."""

    count: int
    at: Callable[[float], float]


def alpha_at(confidence: float, tests: int, evidence: int) -> float:
    """The part of the permitted error that one of `tests` gates has in its evidence of this number, from 0 on.

    The parts 1/2, 1/6, 1/12, … of a gate sum to 1, so that all of them together are wrong as often as is said.
    """
    return (1 - confidence) / tests / ((evidence + 1) * (evidence + 2))


def share(seen: Tally, alpha: float) -> Bounds:
    """Bounds of a share or mean. `alpha`: how often they are ever wrong."""
    bet, limit = _bet(seen), -math.log(alpha)
    return Bounds(
        low=_edge(bet, inside=seen.mean, outside=0.0, limit=limit),
        high=_edge(bet, inside=seen.mean, outside=1.0, limit=limit),
    )


def difference(candidate: Tally, baseline: Tally, alpha: float) -> Bounds:
    """Bounds of the candidate's share less the baseline's: what both bets together have not ruled out."""
    bet_on, bet_beside, limit = _bet(candidate), _bet(baseline), -math.log(alpha)

    def bet(apart: float) -> float:
        """The best that the supposition of this difference can do: the baseline where both bets win least."""
        share = _likeliest(candidate, baseline, apart)
        return bet_on(share + apart) + bet_beside(share)

    seen = candidate.mean - baseline.mean
    return Bounds(
        low=_edge(bet, inside=seen, outside=-1.0, limit=limit), high=_edge(bet, inside=seen, outside=1.0, limit=limit)
    )


def quantile_levels(quantile: float, count: int, alpha: float) -> Bounds:
    """The levels whose sample quantiles bound the true quantile; a level above 1 is one that no sample reaches.

    At most a share `quantile` of all values lies below the true quantile: of `count` values, how many may be below it?
    """
    limit = -math.log(alpha)
    around = min(max(round(quantile * count), 0), count)

    def plausible(below: int) -> bool:
        return _bet(Tally(below, count))(quantile) < limit

    fewest = _first(lambda steps: not plausible(around - steps), around + 1)
    most = _first(lambda steps: not plausible(around + steps), count - around + 1)
    if not count:
        return Bounds(low=0.0, high=math.inf)
    return Bounds(low=max(around - fewest + 1, 0) / count, high=(around + most) / count)


def share_beside(seen: Tally, beside: Tally | None, alpha: float) -> Bounds:
    """Bounds of a share, taking the baseline's as given: its own share and the bounds of the difference."""
    if beside is None:
        return share(seen, alpha)
    apart = difference(seen, beside, alpha)
    return Bounds(low=beside.mean + apart.low, high=beside.mean + apart.high, side=side(seen, beside, alpha))


def quantile_beside(quantile: float, seen: Sorted, beside: Sorted | None, alpha: float) -> Bounds:
    """Bounds of a quantile, taking the baseline's as given: its own and the bounds of the difference."""
    if beside is None:
        levels = quantile_levels(quantile, seen.count, alpha)
        return Bounds(low=seen.at(levels.low), high=seen.at(levels.high))
    ours = quantile_beside(quantile, seen, None, alpha / 2)
    theirs = quantile_beside(quantile, beside, None, alpha / 2)
    given = beside.at(quantile)
    apart = side(_above(seen, given), _above(beside, given), alpha) if math.isfinite(given) else 0
    return Bounds(low=given + ours.low - theirs.high, high=given + ours.high - theirs.low, side=apart)


def furthest(seen: Sequence[Tally], beside: Sequence[Tally], alpha: float) -> Bounds:
    """Bounds of the greatest distance between two distributions, tallied below the same limits.

    It is the D of Kolmogorov and Smirnov at these limits, each of which has its part of the error.
    """
    apart = [difference(*pair, alpha / len(seen)) for pair in zip(seen, beside, strict=True)]
    return Bounds(
        low=max(0.0, *(max(each.low, -each.high) for each in apart)),
        high=max(max(abs(each.low), abs(each.high)) for each in apart),
    )


def side(candidate: Tally, baseline: Tally, alpha: float) -> int:
    """1 where the candidate's share is above the baseline's beyond chance, -1 where it is below, else 0.

    Each answer is wrong at most as often as `alpha` says, however often one looks. The bet is Turner, Ly and Grünwald's
    (2024, "Generic E-variables for exact sequential k-sample tests") for rare events, where it asks for no share of
    failures that both have: with w the candidate's share of the requests, x and y the failures, and the supposition
    that it fails r times as often, it has won r^x / (1 + w (r - 1))^(x + y). For given requests its mean is at most 1
    whatever the common share is; from look to look it is fair as long as the split keeps its proportion, which a
    weight does.
    """
    requests = candidate.count + baseline.count
    if not candidate.count or not baseline.count:
        return 0
    split = candidate.count / requests
    counted = (candidate.total, baseline.total)
    others = (candidate.count - candidate.total, baseline.count - baseline.total)
    for sign in (1, -1):
        won = [
            math.log(stake / len(_TIMES)) + ours * math.log(times) - (ours + theirs) * math.log1p(split * (times - 1))
            for stake, (ours, theirs), rises in zip(_STAKES, (counted, others), (sign, -sign), strict=True)
            for times in (each**rises for each in _TIMES)
        ]
        best = max(won)
        if best + math.log(sum(math.exp(each - best) for each in won)) >= -math.log(alpha):
            return sign
    return 0


def _above(values: Sorted, limit: float) -> Tally:
    """How many values are above a limit."""
    most = _first(lambda place: values.at((place + 1) / values.count) > limit, values.count)
    return Tally(values.count - most, values.count)


def _bet(seen: Tally) -> Callable[[float], float]:
    """The logarithm of what a bet against a share has won by now: least, and a loss, where the share is that seen."""
    hits, misses = seen.total, seen.count - seen.total
    mixture = _log_beta(hits + _PRIOR, misses + _PRIOR) - _log_beta(_PRIOR, _PRIOR)

    def won(supposed: float) -> float:
        return mixture - _weighted_log(hits, supposed) - _weighted_log(misses, 1 - supposed)

    return won


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


def _weighted_log(weight: float, share: float) -> float:
    if not weight:
        return 0.0
    return weight * math.log(share) if share > 0 else -math.inf


def _edge(bet: Callable[[float], float], *, inside: float, outside: float, limit: float) -> float:
    """Where a bet that grows from `inside` to `outside` reaches the limit; `outside` where it never does."""
    if bet(outside) < limit:
        return outside
    for _ in range(_ROUNDS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if bet(middle) < limit else (inside, middle)
    return outside


def _likeliest(candidate: Tally, baseline: Tally, apart: float) -> float:
    """The baseline's share that makes both tallies likeliest where the candidate's is `apart` from it.

    The likelihood has one maximum: where its logarithm stops rising, found by halving.
    """
    low, high = max(0.0, -apart), min(1.0, 1.0 - apart)
    for _ in range(_ROUNDS):
        share = (low + high) / 2
        rises = _slope(baseline, share) + _slope(candidate, share + apart) > 0
        low, high = (share, high) if rises else (low, share)
    return min(max((low + high) / 2, 0.0, -apart), 1.0, 1.0 - apart)


def _slope(seen: Tally, share: float) -> float:
    """The derivative of the logarithm of a tally's likelihood."""
    hits, misses = seen.total, seen.count - seen.total
    if not 0 < share < 1:
        return math.inf if share <= 0 else -math.inf
    return hits / share - misses / (1 - share)


def _first(found: Callable[[int], bool], end: int) -> int:
    """The smallest number below `end` from which on `found` holds, by halving; `end` where it nowhere does."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
    return low
