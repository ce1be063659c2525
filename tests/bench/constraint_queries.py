"""Forty questions with a hard constraint, over recipes that declare nothing: each in words, and as dish and filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.recommendation import Filters

if TYPE_CHECKING:
    from mlops.recipe import Allergen, Diet


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintQuery:
    """One wish in both languages: the dish, the constraint in words, and the same constraint as filters."""

    dish_en: str
    dish_es: str
    words_en: str
    words_es: str
    filters: Filters


def _free(*allergens: Allergen) -> Filters:
    return Filters(without_allergens=frozenset(allergens))


def _diet(*diets: Diet) -> Filters:
    return Filters(diets=frozenset(diets))


def _without(*words: str) -> Filters:
    return Filters(without_ingredients=frozenset(words))


# Dish, constraint in words, in English and Spanish; then what it means.
_ROWS: tuple[tuple[str, str, str, str, Filters], ...] = (
    ("cake", "without eggs", "pastel", "sin huevo", _free("egg")),
    ("noodles", "without egg", "fideos", "sin huevos", _free("egg")),
    ("potato salad", "egg-free", "ensalada de patata", "sin huevo", _free("egg")),
    ("apple pudding", "no eggs", "budín de manzana", "sin huevos", _free("egg")),
    ("fried fish", "without egg", "pescado frito", "sin huevo", _free("egg")),
    ("soup", "without milk", "sopa", "sin leche", _free("milk")),
    ("mashed potatoes", "dairy-free", "puré de patatas", "sin lácteos", _diet("dairy-free")),
    ("chocolate dessert", "without dairy", "postre de chocolate", "sin lácteos", _diet("dairy-free")),
    ("chicken in sauce", "dairy-free", "pollo en salsa", "sin lácteos", _diet("dairy-free")),
    ("vegetables", "without milk", "verduras", "sin leche", _free("milk")),
    ("cookies", "gluten-free", "galletas", "sin gluten", _diet("gluten-free")),
    ("sauce for meat", "without gluten", "salsa para carne", "sin gluten", _diet("gluten-free")),
    ("dessert with fruit", "gluten-free", "postre de fruta", "sin gluten", _diet("gluten-free")),
    ("meatballs", "gluten-free", "albóndigas", "sin gluten", _diet("gluten-free")),
    ("fish stew", "without gluten", "guiso de pescado", "sin gluten", _diet("gluten-free")),
    ("cake", "without nuts", "bizcocho", "sin frutos secos", _free("nuts")),
    ("cookies", "nut-free", "galletas", "sin frutos secos", _free("nuts")),
    ("stuffing for poultry", "without nuts", "relleno para aves", "sin frutos secos", _free("nuts")),
    ("candy", "without peanuts", "caramelos", "sin cacahuetes", _free("peanut")),
    ("salad", "without fish", "ensalada", "sin pescado", _free("fish")),
    ("sauce", "without fish", "salsa", "sin pescado", _free("fish")),
    ("seafood soup", "without crustaceans", "sopa de pescado", "sin crustáceos", _free("crustaceans")),
    ("rice", "without shellfish", "arroz", "sin marisco", _free("crustaceans", "molluscs")),
    ("salad dressing", "without mustard", "aliño para ensalada", "sin mostaza", _free("mustard")),
    ("beef stew", "without celery", "estofado de ternera", "sin apio", _free("celery")),
    ("soup", "vegetarian", "sopa", "vegetariana", _diet("vegetarian")),
    ("stuffed tomatoes", "vegetarian", "tomates rellenos", "vegetarianos", _diet("vegetarian")),
    ("bean dish", "vegetarian", "plato de alubias", "vegetariano", _diet("vegetarian")),
    ("rice dish", "vegetarian", "plato de arroz", "vegetariano", _diet("vegetarian")),
    ("dessert", "vegan", "postre", "vegano", _diet("vegan")),
    ("soup", "vegan", "sopa", "vegana", _diet("vegan")),
    ("salad", "vegan", "ensalada", "vegana", _diet("vegan")),
    ("potatoes", "vegan", "patatas", "veganas", _diet("vegan")),
    ("stew", "without onion", "guiso", "sin cebolla", _without("onion")),
    ("roast lamb", "without garlic", "cordero asado", "sin ajo", _without("garlic")),
    ("pasta", "without tomato", "pasta", "sin tomate", _without("tomato")),
    ("chicken", "without mushrooms", "pollo", "sin champiñones", _without("mushroom")),
    ("pork", "without wine", "cerdo", "sin vino", _without("wine")),
    ("pudding", "without raisins", "budín", "sin pasas", _without("raisin")),
    ("bread", "with no more than 5 ingredients", "pan", "con 5 ingredientes como máximo", Filters(max_ingredients=5)),
)

CONSTRAINT_QUERIES = tuple(
    ConstraintQuery(dish_en=dish_en, dish_es=dish_es, words_en=words_en, words_es=words_es, filters=filters)
    for dish_en, words_en, dish_es, words_es, filters in _ROWS
)
