"""The sample corpus that ships with the package."""

import json
import re
from collections import Counter
from importlib import resources

import pytest

from mlops.corpus.checks import RowChecks
from mlops.corpus.rows import RawRow
from mlops.corpus.sample import sample_recipes
from mlops.recipe import ALLERGENS, DIFFICULTIES, SEASONS

RECIPES = sample_recipes()


def test_every_row_passes_the_checks_and_is_in_its_final_form():
    checks = RowChecks.load()
    for recipe in RECIPES:
        row = json.loads(json.dumps(recipe.to_row()))
        assert checks.judge(RawRow(line=1, fields=row, raw=row)) == recipe


def test_ids_titles_and_spanish_titles_are_unique_and_the_order_is_that_of_ids():
    ids = [recipe.id for recipe in RECIPES]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"rr-[a-z0-9-]+", name) for name in ids)
    assert len({recipe.title.lower() for recipe in RECIPES}) == len(RECIPES)
    assert len({recipe.title_es.lower() for recipe in RECIPES}) == len(RECIPES)


def test_every_recipe_says_all_that_a_filter_may_ask():
    for recipe in RECIPES:
        for name in ("cuisine", "course", "minutes", "servings", "difficulty", "season", "tags", "steps"):
            assert getattr(recipe, name), (recipe.id, name)
        assert recipe.license == "Apache-2.0"


def test_the_sample_is_large_and_varied():
    assert len(RECIPES) >= 300
    assert len({recipe.cuisine for recipe in RECIPES}) >= 25
    assert len({recipe.course for recipe in RECIPES}) >= 10
    assert {recipe.difficulty for recipe in RECIPES} == set(DIFFICULTIES)
    assert min(recipe.minutes for recipe in RECIPES) <= 5
    assert max(recipe.minutes for recipe in RECIPES) >= 200
    seasons = Counter(season for recipe in RECIPES for season in recipe.season)
    assert all(seasons[season] >= 100 for season in SEASONS)
    declared = Counter(allergen for recipe in RECIPES for allergen in recipe.allergens)
    assert set(declared) == set(ALLERGENS) - {"lupin"}


def test_diets_and_allergens_agree():
    animal = {"egg", "milk", "fish", "crustaceans", "molluscs"}
    for recipe in RECIPES:
        allergens, diets = set(recipe.allergens), set(recipe.diets)
        assert ("gluten-free" in diets) == ("gluten" not in allergens), recipe.id
        assert ("dairy-free" in diets) == ("milk" not in allergens), recipe.id
        assert "vegan" not in diets or not allergens & animal, recipe.id
        assert "vegetarian" not in diets or not allergens & (animal - {"egg", "milk"}), recipe.id


# Words that name an allergen beyond doubt, and what takes the doubt back: "egg-free", "coconut milk", "butter beans".
NAMED = {
    "egg": (r"\beggs?\b|mayonnaise", r"egg-free|no egg|vegan mayonnaise"),
    "milk": (
        r"\bmilk\b|\bbutter\b|\bcream\b|cheese|yogh?urt|\bghee\b|parmesan|\bfeta\b|mozzarella|paneer",
        r"coconut (milk|cream)|(peanut|almond|seed) butter|butter beans|milk-free|milk- and|milk\)",
    ),
    "fish": (r"anchov|\btuna\b|salmon|\bcod\b|\bhake\b|fish sauce|haddock|mackerel|bonito", r"$^"),
    "crustaceans": (r"prawn|shrimp", r"no shrimp"),
    "molluscs": (r"squid|\bclams?\b|mussel|octopus|oyster sauce", r"$^"),
    "soy": (r"soy sauce|tofu|tempeh|\bmiso\b|tamari\b|soya drink|gochujang|hoisin", r"$^"),
    "sesame": (r"sesame|tahini|hoisin", r"without sesame|sesame-free"),
    "nuts": (r"almond|walnut|hazelnut|cashew|pistachio", r"$^"),
    "peanut": (r"peanut|groundnut", r"$^"),
    "mustard": (r"mustard", r"mustard-free|no mustard|mustard- ?free|and mustard-free"),
    "celery": (r"celery", r"celery-free|or celery|celery- and"),
    "gluten": (r"plain flour|wheat|\bbread\b|couscous|bulgur|barley|soy sauce|\boats\b|breadcrumbs|puff pastry|filo",
               r"buckwheat|no barley|pita breads"),
    "sulphites": (r"\bwine\b|wine vinegar|cider vinegar|sherry|marsala", r"$^"),
}  # fmt: skip


@pytest.mark.parametrize("allergen", NAMED)
def test_an_allergen_that_an_ingredient_names_is_declared(allergen):
    named, excused = (re.compile(pattern) for pattern in NAMED[allergen])
    for recipe in RECIPES:
        for line in recipe.ingredients:
            if named.search(excused.sub("", line.lower())):
                assert allergen in recipe.allergens, (recipe.id, line)


MEAT = re.compile(r"chicken|beef|pork|lamb|bacon|\bham\b|sausage|veal|turkey|\blard\b|parmesan|gelatin|chorizo|meat")


def test_nothing_of_an_animal_is_in_a_vegetarian_recipe_and_no_honey_in_a_vegan_one():
    for recipe in RECIPES:
        text = " ".join(recipe.ingredients).lower()
        assert "vegetarian" not in recipe.diets or not MEAT.search(text), recipe.id
        assert "vegan" not in recipe.diets or "honey" not in text, recipe.id


def test_the_file_ships_as_package_data():
    content = resources.files("mlops.corpus").joinpath("sample", "recipes.jsonl").read_bytes()
    assert content.count(b"\n") == len(RECIPES)
