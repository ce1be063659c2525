"""The judged queries that ship with the sample corpus: whole, and true to their own constraints."""

from collections import Counter

import pytest

from mlops.corpus.sample import sample_recipes
from mlops.evaluation.sample import sample_set

RECIPES = {recipe.id: recipe for recipe in sample_recipes()}
QUERIES, QRELS = sample_set()


def test_there_are_120_queries_of_five_kinds():
    kinds = Counter(query.kind for query in QUERIES)
    assert kinds == {"known_item": 30, "dish": 30, "fridge": 20, "constraint": 25, "mood": 15}


def test_every_query_is_written_in_both_languages_and_no_two_are_the_same():
    assert all(query.text_en and query.text_es for query in QUERIES)
    assert len({query.text_en for query in QUERIES}) == len({query.text_es for query in QUERIES}) == len(QUERIES)


def test_queries_and_judgements_belong_together():
    assert {query.qid for query in QUERIES} == QRELS.keys()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.qid)
def test_every_judged_recipe_is_in_the_sample_and_one_at_least_is_just_right(query):
    grades = QRELS[query.qid]
    assert grades.keys() <= RECIPES.keys()
    assert set(grades.values()) <= {1, 2}
    assert 2 in grades.values()


def declares(diet):
    return lambda recipe: diet in recipe.diets


def free_of(*allergens):
    return lambda recipe: not set(allergens) & set(recipe.allergens)


def within(minutes):
    return lambda recipe: recipe.minutes <= minutes


CONSTRAINTS = {
    "vegan dessert": [declares("vegan")],
    "gluten-free cake": [declares("gluten-free")],
    "dairy-free dinner in 30 minutes or less": [declares("dairy-free"), within(30)],
    "pesto without nuts": [free_of("nuts")],
    "pancakes without egg": [free_of("egg")],
    "vegetarian pasta without cheese": [declares("vegetarian"), free_of("milk")],
    "quick lunch in 10 minutes": [within(10)],
    "gluten-free bread": [declares("gluten-free")],
    "dessert without egg": [free_of("egg")],
    "high-protein vegan dinner": [declares("vegan")],
    "soup without cream or milk": [declares("dairy-free"), free_of("milk")],
    "fish in 30 minutes at most": [within(30)],
    "nut-free school lunch for children": [free_of("nuts", "peanut")],
    "gluten-free noodles": [declares("gluten-free")],
    "main course with no more than 5 ingredients": [lambda recipe: len(recipe.ingredients) <= 5],
    "Thai food without peanuts": [free_of("peanut")],
    "Chinese food without meat": [declares("vegetarian")],
    "breakfast without eggs": [free_of("egg")],
    "creamy sauce without dairy": [declares("dairy-free")],
    "vegan soup in half an hour": [declares("vegan"), within(30)],
    "chicken without gluten or dairy": [declares("gluten-free"), declares("dairy-free")],
    "vegetarian stew": [declares("vegetarian")],
    "vegetarian main dish without onion or garlic": [
        declares("vegetarian"),
        lambda recipe: not any(word in " ".join(recipe.ingredients).lower() for word in ("onion", "garlic")),
    ],
    "vegetarian Mexican dish": [declares("vegetarian")],
    "alcohol-free drink for summer": [lambda recipe: recipe.course == "drink"],
}


@pytest.mark.parametrize(("text", "rules"), CONSTRAINTS.items(), ids=CONSTRAINTS)
def test_no_recipe_that_breaks_a_constraint_is_judged_relevant(text, rules):
    (query,) = [query for query in QUERIES if query.text_en == text]
    broken = [name for name in QRELS[query.qid] if not all(rule(RECIPES[name]) for rule in rules)]
    assert not broken


def test_every_constraint_query_is_checked():
    assert {query.text_en for query in QUERIES if query.kind == "constraint"} == CONSTRAINTS.keys()
