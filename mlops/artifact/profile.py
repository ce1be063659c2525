"""The reference profile of an artefact: what its data looked like in training, to compare later data with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mlops.recipe import Recipe

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LARGEST = 2_000
_DIGITS = 6


def reference_profile(recipes: Sequence[Recipe], vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Summarise recipes and their vectors, float32 (recipes, dimension): counts, quantiles, mean vector and spread."""
    mean = vectors.mean(axis=0)
    numbers = {
        "title_words": [len(recipe.title.split()) for recipe in recipes],
        "ingredients": [len(recipe.ingredients) for recipe in recipes],
        "steps": [len(recipe.steps) for recipe in recipes],
        "minutes": [recipe.minutes for recipe in recipes if recipe.minutes is not None],
    }
    return {
        "recipes": len(recipes),
        "quantiles": {name: _quantiles(values) for name, values in numbers.items()},
        "histograms": {name: _histogram(values) for name, values in numbers.items()},
        "counts": {
            "cuisine": dict(Counter(recipe.cuisine or "unknown" for recipe in recipes).most_common(50)),
            "difficulty": dict(Counter(recipe.difficulty or "unknown" for recipe in recipes)),
        },
        "embedding": {
            "mean": [round(float(value), _DIGITS) for value in mean],
            # Mean squared distance from the centre: 1 - |mean|^2 for unit vectors.
            "spread": round(float(1.0 - mean @ mean), _DIGITS),
        },
    }


def _histogram(values: Iterable[int]) -> dict[str, int]:
    """How often each value occurs; the largest together, so that a profile stays small whatever a corpus holds."""
    return {str(value): count for value, count in sorted(Counter(min(value, LARGEST) for value in values).items())}


def _quantiles(values: Iterable[int]) -> dict[str, float] | None:
    """None where nothing was measured: absent data is not zero."""
    data = np.fromiter(values, dtype=np.float64)
    if not len(data):
        return None
    return {str(q): float(value) for q, value in zip(QUANTILES, np.quantile(data, QUANTILES), strict=True)}
