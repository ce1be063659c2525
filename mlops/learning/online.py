"""The online metric that a degradation is read from: does a session end in a choice among the first three? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlops.retraining import OnlineMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.learning.sessions import Session

NAME = "clicks@3"
TOP = 3
RESAMPLES = 2_000
LOW = 2.5


def clicks_at_3(sessions: Sequence[Session], window: int, seed: int) -> OnlineMetric | None:
    """Compare the latest `window` sessions of a version with its first; None before there are twice as many.

    The bound is that of a percentile bootstrap of the relative loss. To resample zeros and ones is to draw from a
    binomial distribution, which is what is done.
    """
    if len(sessions) < 2 * window:
        return None
    first, last = (
        sum(not session.liked.isdisjoint(session.shown[:TOP]) for session in part)
        for part in (sessions[:window], sessions[-window:])
    )
    return OnlineMetric(
        name=NAME,
        reference=first / window,
        current=last / window,
        samples=window,
        least_loss=_least_loss(first, last, window, seed),
    )


def _least_loss(first: int, last: int, window: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    before = rng.binomial(window, first / window, RESAMPLES) / window
    now = rng.binomial(window, last / window, RESAMPLES) / window
    losses = (before - now) / np.maximum(before, 1 / window)
    return float(np.percentile(losses, LOW))
