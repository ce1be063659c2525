"""A corpus in Spanish."""

import pytest

from mlops.recipe import Recipe
from mlops.translation.glossary import Glossary
from mlops.translation.identity import IdentityTranslator
from mlops.translation.recipes import RECIPES_AT_ONCE, translate_recipes
from tests.fakes.translator import WordTranslator

GLOSSARY = Glossary.shipped()


def recipe(title="Chicken Soup", ingredients=("2 cups flour",), steps=("Mix well.",), **others):
    return Recipe(id="1", title=title, ingredients=ingredients, steps=steps, **others)


def spanish(*recipes, translator=None):
    return list(translate_recipes(recipes, translator or WordTranslator(), GLOSSARY))


def test_title_ingredients_and_steps_are_translated():
    (translation,) = spanish(recipe())
    assert translation.title == "Sopa de pollo"
    assert translation.ingredients == ("2 tazas de harina",)
    assert translation.steps == ("Mezclar bien.",)
    assert translation.complete


def test_a_spanish_title_that_the_recipe_brings_is_kept():
    assert spanish(recipe(title_es="Caldo de la abuela"))[0].title == "Caldo de la abuela"


def test_what_the_tables_do_not_know_goes_to_the_translator():
    translator = WordTranslator({"quixotberry": "quijotera"})
    (translation,) = spanish(recipe(ingredients=("1 cup quixotberry",)), translator=translator)
    assert translation.ingredients == ("1 taza de quijotera",)
    assert translator.asked == ["quixotberry"]


def test_a_line_that_stays_english_makes_the_translation_incomplete():
    steps = ("Defenestrate every quixotberry henceforth.", "Soup with salt is the soup, verily.")
    translation = spanish(recipe(steps=steps))[0]
    assert not translation.complete
    assert translation.steps[0] == "Defenestrate every quixotberry henceforth."


def test_a_recipe_that_would_stay_mostly_english_has_no_translation():
    step = "Quixotberries defenestrating henceforth."
    assert spanish(recipe(steps=(step, step, step))) == [None]
    assert spanish(recipe(steps=(step, step)))[0] is not None


@pytest.mark.parametrize("translator", [IdentityTranslator(), WordTranslator(broken=True)], ids=["identity", "broken"])
def test_without_a_working_translator_nothing_is_half_translated(translator):
    assert spanish(recipe(), recipe(), translator=translator) == [None, None]


def test_equal_lines_are_asked_once():
    translator = WordTranslator({"quixotberry": "quijotera"})
    spanish(*[recipe(ingredients=("quixotberry",))] * 3, translator=translator)
    assert translator.asked == ["quixotberry"]


def test_as_many_translations_as_recipes_and_progress_on_the_way():
    told = []
    count = 2 * RECIPES_AT_ONCE + 1
    recipes = (recipe(title=f"Soup {number}") for number in range(count))
    translations = list(translate_recipes(recipes, WordTranslator(), GLOSSARY, told.append))
    assert len(translations) == count
    assert told == [RECIPES_AT_ONCE, 2 * RECIPES_AT_ONCE, count]


def test_no_recipes_are_no_translations():
    assert spanish() == []
