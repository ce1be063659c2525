"""The judge of the constraint bench: words that mean a violation, and words that only look like one."""

import pytest

from mlops.recipe import Recipe
from mlops.recommendation import Filters
from tests.bench.constraint_queries import CONSTRAINT_QUERIES
from tests.bench.naive_reading import naive_violations


def said(*ingredients, title="Dish", **filters):
    recipe = Recipe(id="r1", title=title, ingredients=ingredients)
    frozen = {name: frozenset(value) if isinstance(value, list) else value for name, value in filters.items()}
    return list(naive_violations(recipe, Filters(**frozen)))


VIOLATIONS = {
    "an egg": (("2 eggs",), {"without_allergens": ["egg"]}, ["egg: eggs"]),
    "a yolk in the title": ((), {"title": "Yolk sauce", "without_allergens": ["egg"]}, ["egg: yolk"]),
    "butter for a vegan": (("1 tbsp butter",), {"diets": ["vegan"]}, ["vegan: butter"]),
    "broth for a vegetarian": (("1 quart broth",), {"diets": ["vegetarian"]}, ["vegetarian: broth"]),
    "flour by weight, which is not gram flour": (
        ("100 grams flour",),
        {"diets": ["gluten-free"]},
        ["gluten-free: flour"],
    ),
    "several words, several rules": (
        ("shrimps", "walnuts, chopped"),
        {"without_allergens": ["nuts", "crustaceans"]},
        ["crustaceans: shrimps", "nuts: walnuts"],
    ),
    "a plural of what was not wanted": (("3 onions",), {"without_ingredients": ["onion"]}, ["onion: onions"]),
    "potatoes": (("potatoes",), {"without_ingredients": ["potato"]}, ["potato: potatoes"]),
    "too many": (("a", "b", "c"), {"max_ingredients": 2}, ["3 ingredients > 2"]),
    "no word on time": ((), {"max_minutes": 30}, ["None minutes > 30"]),
}


@pytest.mark.parametrize(("ingredients", "filters", "expected"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_what_a_reader_sees(ingredients, filters, expected):
    assert said(*ingredients, **filters) == expected


HARMLESS = {
    "eggplant is no egg": ("1 eggplant", {"without_allergens": ["egg"]}),
    "egg-plant neither": ("2 egg-plants", {"without_allergens": ["egg"]}),
    "coconut milk is no milk": ("1 tin coconut milk", {"without_allergens": ["milk"]}),
    "peanut butter is no butter": ("peanut butter", {"diets": ["dairy-free"]}),
    "butter beans are beans": ("butter beans", {"diets": ["vegan"]}),
    "kidney beans are beans": ("kidney beans", {"diets": ["vegetarian"]}),
    "cream of tartar is a powder": ("1 tsp cream of tartar", {"diets": ["vegan"]}),
    "the size of a walnut is a measure": ("lard the size of a walnut", {"without_allergens": ["nuts"]}),
    "rice flour has no gluten": ("60 g rice flour", {"diets": ["gluten-free"]}),
    "cassava flour neither": ("2 tbsp cassava flour", {"diets": ["gluten-free"]}),
    "buckwheat is no wheat": ("buckwheat", {"diets": ["gluten-free"]}),
    "nutmeg is no nut": ("grated nutmeg", {"without_allergens": ["nuts"]}),
    "a coconut is no tree nut": ("1 coconut", {"without_allergens": ["nuts"]}),
    "oyster mushrooms are mushrooms": ("oyster mushrooms", {"diets": ["vegetarian"]}),
    "a goose that is a berry": ("gooseberries", {"diets": ["vegan"]}),
}


@pytest.mark.parametrize(("ingredient", "filters"), HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_a_violation(ingredient, filters):
    assert said(ingredient, **filters) == []


EVERYTHING = """egg milk flour nuts peanuts fish crab oysters mustard celery ham honey
    onion garlic tomato mushrooms wine raisins"""


def test_every_constraint_of_the_bench_can_be_broken():
    everything = Recipe(id="r1", title="Everything", ingredients=tuple(EVERYTHING.split()))
    assert len(CONSTRAINT_QUERIES) == 40
    assert all(list(naive_violations(everything, query.filters)) for query in CONSTRAINT_QUERIES)
