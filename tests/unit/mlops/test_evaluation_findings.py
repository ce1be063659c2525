"""Output validation: each flaw is found, and a sound answer has none."""

import math

import pytest

from mlops.evaluation.findings import Flaw, findings_in, violations
from mlops.recommendation import Filters
from tests.fakes.scripted_recommender import answer, hit


def flaws(given, *, k=10, known=None):
    return [(finding.flaw, finding.detail) for finding in findings_in("q1", given, k, known)]


def test_a_sound_answer_has_no_findings():
    assert flaws(answer(hit("a", 0.9), hit("b", 0.9), hit("c", 0.1)), known={"a", "b", "c"}) == []


FLAWED = {
    "the same recipe twice": (answer(hit("a", 0.9), hit("a", 0.8)), Flaw.DUPLICATE, "a more than once"),
    "scores that rise": (answer(hit("a", 0.1), hit("b", 0.8)), Flaw.DISORDER, "place 1 has 0.1 < 0.8 at place 2"),
    "a score that is not a number": (answer(hit("a", math.nan)), Flaw.NOT_FINITE, "a has the score nan"),
    "an endless score": (answer(hit("a", math.inf)), Flaw.NOT_FINITE, "a has the score inf"),
    "an id from elsewhere": (answer(hit("z")), Flaw.UNKNOWN, "z is not in the corpus"),
    "more than was asked for": (answer(hit("a"), hit("b"), hit("c")), Flaw.TOO_MANY, "3 recipes > 2 asked for"),
    "nothing, with a note": (
        answer(notes=("no recipe meets every filter",)),
        Flaw.EMPTY,
        "no recipe meets every filter",
    ),
    "nothing, without a word": (answer(), Flaw.EMPTY, "no recipe, and no note says why"),
    "a broken filter": (
        answer(hit("a", minutes=40), filters=Filters(max_minutes=30)),
        Flaw.VIOLATION,
        "a: takes 40 minutes > 30",
    ),
}


@pytest.mark.parametrize(("given", "flaw", "detail"), FLAWED.values(), ids=FLAWED)
def test_a_flaw_is_named_with_its_numbers(given, flaw, detail):
    assert flaws(given, k=2, known={"a", "b", "c"}) == [(flaw, detail)]


def test_without_a_corpus_ids_go_unchecked():
    assert flaws(answer(hit("z"))) == []


ROW = {
    "title": "Prawn omelette",
    "ingredients": ["3 eggs", "200 g prawns", "1 red onion"],
    "allergens": ["egg", "crustaceans"],
    "minutes": 15,
}

VIOLATIONS = {
    "nothing asked": (Filters(), []),
    "vegan against declared egg": (
        Filters(diets=frozenset({"vegan"})),
        ["declares crustaceans, egg, asked for vegan"],
    ),
    "pescatarian allows seafood": (Filters(diets=frozenset({"pescatarian"})), []),
    "gluten-free against nothing declared": (Filters(diets=frozenset({"gluten-free"})), []),
    "without a declared allergen": (Filters(without_allergens=frozenset({"egg", "milk"})), ["declares egg"]),
    "in time": (Filters(max_minutes=15), []),
    "too long": (Filters(max_minutes=14), ["takes 15 minutes > 14"]),
    "few enough ingredients": (Filters(max_ingredients=3), []),
    "too many ingredients": (Filters(max_ingredients=2), ["has 3 ingredients > 2"]),
    "a word of the title": (Filters(without_ingredients=frozenset({"Prawn"})), ["names Prawn"]),
    "a word of an ingredient": (Filters(without_ingredients=frozenset({"onion"})), ["names onion"]),
    "part of a word is not the word": (Filters(without_ingredients=frozenset({"egg"})), []),
    "two at once": (Filters(max_minutes=5, max_ingredients=1), ["takes 15 minutes > 5", "has 3 ingredients > 1"]),
}


@pytest.mark.parametrize(("filters", "expected"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_violations_are_read_from_what_the_recipe_says(filters, expected):
    assert list(violations(ROW, filters, "en")) == expected


def test_a_recipe_that_does_not_say_how_long_it_takes_breaks_a_time_limit():
    assert list(violations({"minutes": None}, Filters(max_minutes=30), "en")) == ["takes None minutes > 30"]


def test_english_words_are_not_looked_for_in_spanish_text():
    row = {"title": "Pan con ajo", "ingredients": ["1 pan", "ajo"]}
    assert list(violations(row, Filters(without_ingredients=frozenset({"pan"})), "es")) == []
