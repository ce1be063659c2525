"""How much less a recipe is looked at the further down it is shown: exposure at place k is k ** -eta. Pure.

A recipe that was shown at several places for one query tells: its relevance is the same, so how its clicks divide over
the places depends on exposure alone (intervention harvesting, Agarwal et al. 2019; here as a conditional Poisson
likelihood, in which the unknown relevance cancels). A prior holds where few recipes ever moved.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.learning.sessions import Session

# Click models in the literature lie between 0.5 and 1.
PRIOR_MEAN, PRIOR_SD = 0.75, 0.25
_GRID = np.linspace(0.0, 2.0, 201)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The exponent, and from how many recipes that moved it was read."""

    eta: float
    moved: int

    def at(self, place: int) -> float:
        """The exposure at `place`, from 1, as a share of that of the first."""
        return float(place**-self.eta)


def estimate(sessions: Sequence[Session]) -> Exposure:
    """The most likely exponent on a grid of hundredths."""
    shown: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    clicked: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for session in sessions:
        for place, recipe in enumerate(session.shown, start=1):
            shown[session.query, recipe][place] += 1
            if recipe in session.liked:
                clicked[session.query, recipe][place] += 1
    likelihood = -((_GRID - PRIOR_MEAN) ** 2) / (2 * PRIOR_SD**2)
    moved = 0
    for key, clicks in clicked.items():
        if len(shown[key]) == 1:
            continue
        moved += 1
        places = np.array(sorted(shown[key]), dtype=np.float64)
        often = np.array([shown[key][int(place)] for place in places], dtype=np.float64)
        won = np.array([clicks[int(place)] for place in places], dtype=np.float64)
        weights = often * places[None, :] ** -_GRID[:, None]
        likelihood += (won * np.log(weights / weights.sum(axis=1, keepdims=True))).sum(axis=1)
    return Exposure(eta=round(float(_GRID[int(np.argmax(likelihood))]), 2), moved=moved)
