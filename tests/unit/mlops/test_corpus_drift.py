"""Whether the recipes of two artefacts differ, by their reference profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops.artifact.profile import LARGEST, reference_profile
from mlops.corpus.sample import sample_recipes
from mlops.drift.corpus import corpus_shifts


@pytest.fixture(scope="module")
def recipes():
    return sample_recipes()


def profile(recipes):
    return reference_profile(recipes, np.zeros((len(recipes), 4), dtype=np.float32))


def test_the_same_recipes_have_not_shifted(recipes):
    shifts = corpus_shifts(profile(recipes), profile(recipes))
    assert {shift.feature for shift in shifts} == {
        "title_words",
        "ingredients",
        "steps",
        "minutes",
        "cuisine",
        "difficulty",
    }
    assert max(shift.index for shift in shifts) == pytest.approx(0.0, abs=1e-9)


def test_what_shifted_most_comes_first(recipes):
    longer = [replace(recipe, ingredients=recipe.ingredients * 2) for recipe in recipes]
    first, second, *_ = corpus_shifts(profile(recipes), profile(longer))
    assert first.feature == "ingredients"
    assert first.index > 1
    assert second.index < 0.1


def test_another_cuisine_is_a_shift(recipes):
    shifts = corpus_shifts(profile(recipes), profile([replace(recipe, cuisine="thai") for recipe in recipes]))
    assert shifts[0].feature == "cuisine"
    assert shifts[0].index > 0.25


def test_a_profile_of_an_earlier_form_says_nothing(recipes):
    earlier = {key: value for key, value in profile(recipes).items() if key != "histograms"}
    assert corpus_shifts(earlier, profile(recipes)) == ()
    assert corpus_shifts(profile(recipes), earlier) == ()


def test_a_profile_stays_small_whatever_a_corpus_holds(recipes):
    absurd = [replace(recipes[0], id=str(number), minutes=10_000 + number) for number in range(100)]
    assert profile(absurd)["histograms"]["minutes"] == {str(LARGEST): 100}


def test_features_that_nobody_measured_are_not_compared(recipes):
    timeless = [replace(recipe, minutes=None) for recipe in recipes]
    assert "minutes" not in {shift.feature for shift in corpus_shifts(profile(timeless), profile(recipes))}
