"""Do the clicks follow meaning at all? Pure.

At one place of the list, a recipe that was chosen should fit its query better than those at that place usually do.
Comparing within a place takes the habit of clicking what stands first out of it. Clicks at random give 0; clicks on
what does not fit give less.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from mlops.learning.sessions import Session


def preferences(
    sessions: Iterable[Session],
    fit: Callable[[Session], Mapping[str, float] | None],
    meaning: Callable[[Session], str | None],
) -> dict[str, float]:
    """By meaning: the mean percentile of the chosen within their place, less a half; from -0.5 to 0.5.

    `fit` says how well each recipe fits the query of a session, on a scale that compares across queries.
    """
    by_place: dict[int, list[tuple[str, float, bool]]] = defaultdict(list)
    for session in sessions:
        fits, about = fit(session), meaning(session)
        if fits is None or about is None:
            continue
        for place, recipe in enumerate(session.shown):
            if recipe in fits:
                by_place[place].append((about, fits[recipe], recipe in session.liked))
    found: dict[str, list[float]] = defaultdict(list)
    for rows in by_place.values():
        scores = np.array([score for _, score, _ in rows])
        percentiles = _percentiles(scores)
        for (about, _, liked), percentile in zip(rows, percentiles, strict=True):
            if liked:
                found[about].append(float(percentile) - 0.5)
    return {about: fmean(each) for about, each in sorted(found.items())}


def _percentiles(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of `scores` below each, equal ones counted by half."""
    ascending = np.sort(scores)
    below = np.searchsorted(ascending, scores, side="left")
    upto = np.searchsorted(ascending, scores, side="right")
    return (below + upto) / (2 * len(scores))
