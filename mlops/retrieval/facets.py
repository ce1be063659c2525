"""The facets of every recipe as one small array, and the mask of recipes that a set of hard filters lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlops.recipe import ALLERGENS, DIETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from mlops.dietary import DietaryRules
    from mlops.recipe import Recipe
    from mlops.recommendation import Filters

UNKNOWN = -1
FACET_DTYPE = np.dtype([("minutes", "<i2"), ("ingredients", "<i2"), ("allergens", "<u2"), ("diets", "u1")])


def facets_of(recipes: Sequence[Recipe], rules: DietaryRules) -> NDArray[np.void]:
    """Return FACET_DTYPE (recipes,); minutes are UNKNOWN where the recipe does not say."""
    rows = [
        (
            UNKNOWN if recipe.minutes is None else recipe.minutes,
            len(recipe.ingredients),
            mask(rules.allergens(recipe), ALLERGENS),
            mask(rules.diets(recipe), DIETS),
        )
        for recipe in recipes
    ]
    return np.array(rows, dtype=FACET_DTYPE)


def mask(chosen: Iterable[str], vocabulary: Sequence[str]) -> int:
    """Return a bit per word of `vocabulary`, the first being the lowest."""
    return sum(1 << vocabulary.index(word) for word in chosen)


def allowed(facets: NDArray[np.void], filters: Filters) -> NDArray[np.bool_]:
    """Return bool (recipes,): true where every filter but `without_ingredients` is known to hold.

    A recipe that does not say how long it takes fails every time limit: a hard filter never guesses.
    """
    passed = np.ones(len(facets), dtype=np.bool_)
    if filters.diets:
        wanted = mask(filters.diets, DIETS)
        passed &= (facets["diets"] & wanted) == wanted
    if filters.without_allergens:
        passed &= (facets["allergens"] & mask(filters.without_allergens, ALLERGENS)) == 0
    if filters.max_minutes is not None:
        passed &= (facets["minutes"] != UNKNOWN) & (facets["minutes"] <= filters.max_minutes)
    if filters.max_ingredients is not None:
        passed &= facets["ingredients"] <= filters.max_ingredients
    return passed
