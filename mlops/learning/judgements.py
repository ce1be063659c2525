"""Clicks into judgements: how likely a recipe is to be chosen once it is looked at. Pure.

estimate = (clicks + a * m) / (exposure + a): the clicks a recipe got over how much it was looked at, drawn towards what
is usual (m) as if it had been looked at `a` times more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from mlops.learning.position import Exposure
    from mlops.learning.sessions import Session

PRIOR_WEIGHT = 1.0
PRIOR_MEAN = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One recipe for one question: how much it was looked at, in looks at the first place, and how often chosen."""

    exposure: float
    clicks: int

    @property
    def estimate(self) -> float:
        """The share of looks that end in a choice; 0 for what nobody chose."""
        if not self.clicks:
            return 0.0
        return (self.clicks + PRIOR_WEIGHT * PRIOR_MEAN) / (self.exposure + PRIOR_WEIGHT)


def judgements(
    sessions: Iterable[Session], exposure: Exposure, asked: Callable[[Session], Hashable | None]
) -> dict[Hashable, Mapping[str, Judgement]]:
    """Judgements by what was `asked` and recipe id; sessions of which that is None are left out."""
    looks: dict[Hashable, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    clicks: dict[Hashable, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for session in sessions:
        key = asked(session)
        if key is None:
            continue
        for place, recipe in enumerate(session.shown, start=1):
            looks[key][recipe] += exposure.at(place)
            clicks[key][recipe] += recipe in session.liked
    return {
        key: {recipe: Judgement(exposure=seen, clicks=clicks[key][recipe]) for recipe, seen in by_recipe.items()}
        for key, by_recipe in looks.items()
    }
