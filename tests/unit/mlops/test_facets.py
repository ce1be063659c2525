"""Hard filters: what passes, and that the unknown never does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.recipe import ALLERGENS, DIETS, Recipe
from mlops.recommendation import Filters
from mlops.retrieval.facets import FACET_DTYPE, allowed, facets_of, mask


class Declared:
    """Dietary rules that believe every declaration."""

    def allergens(self, recipe):
        return frozenset(recipe.allergens)

    def diets(self, recipe):
        return frozenset(recipe.diets)


def recipe(**changes) -> Recipe:
    return Recipe(**{"id": "r", "title": "Soup", "ingredients": ("water", "salt")} | changes)


CASES = [
    ("no filter passes everything", recipe(), Filters(), True),
    ("the diet it has", recipe(diets=("vegan", "vegetarian")), Filters(diets=frozenset({"vegan"})), True),
    ("a diet it does not have", recipe(diets=("vegetarian",)), Filters(diets=frozenset({"vegan"})), False),
    ("only one of two diets", recipe(diets=("vegan",)), Filters(diets=frozenset({"vegan", "gluten-free"})), False),
    ("an allergen to avoid", recipe(allergens=("egg",)), Filters(without_allergens=frozenset({"egg"})), False),
    ("another allergen", recipe(allergens=("milk",)), Filters(without_allergens=frozenset({"egg"})), True),
    ("as fast as asked", recipe(minutes=30), Filters(max_minutes=30), True),
    ("one minute too slow", recipe(minutes=31), Filters(max_minutes=30), False),
    ("no time given fails a time limit", recipe(), Filters(max_minutes=30), False),
    ("as few ingredients as asked", recipe(), Filters(max_ingredients=2), True),
    ("one ingredient too many", recipe(), Filters(max_ingredients=1), False),
]


@pytest.mark.parametrize(("sentence", "given", "filters", "passes"), CASES, ids=[case[0] for case in CASES])
def test_filters(sentence, given, filters, passes):
    assert allowed(facets_of([given], Declared()), filters).tolist() == [passes]


FACETS = st.builds(
    lambda minutes, count, allergens, diets: (minutes, count, mask(allergens, ALLERGENS), mask(diets, DIETS)),
    st.integers(-1, 300),
    st.integers(1, 30),
    st.sets(st.sampled_from(ALLERGENS)),
    st.sets(st.sampled_from(DIETS)),
)
FILTERS = st.builds(
    Filters,
    diets=st.frozensets(st.sampled_from(DIETS)),
    without_allergens=st.frozensets(st.sampled_from(ALLERGENS)),
    max_minutes=st.none() | st.integers(1, 300),
    max_ingredients=st.none() | st.integers(1, 30),
)


@given(st.lists(FACETS, max_size=20), FILTERS, FILTERS)
def test_two_filters_together_pass_what_both_pass(rows, one, other):
    facets = np.array(rows, dtype=FACET_DTYPE)
    both = allowed(facets, one.merged(other))
    assert (both == (allowed(facets, one) & allowed(facets, other))).all()
