"""Other people's words for our fields and values, English and Spanish: tables, and the look-up in them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlops.corpus.texts import folded
from mlops.recipe import DIETS, Diet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# The first heading that is there and has a value wins. Folded, underscores for spaces and hyphens.
_HEADINGS: Mapping[str, Sequence[str]] = {
    "id": ("id", "recipe_id"),
    "title": ("title", "name", "recipe_name", "recipe_title", "nombre", "titulo", "receta"),
    "title_es": ("title_es", "titulo_es", "nombre_es"),
    "title_original": ("title_original", "original_title", "titulo_original"),
    "ingredients": ("ingredients", "recipeingredient", "ingredientes"),
    "steps": (
        *("steps", "instructions", "recipeinstructions", "directions", "method"),
        *("pasos", "instrucciones", "preparacion", "elaboracion"),
    ),
    "cuisine": ("cuisine", "recipecuisine", "cocina", "culture", "cultura"),
    "course": ("course", "category", "recipecategory", "categoria", "plato"),
    "minutes": ("minutes", "total_minutes", "total_time", "totaltime", "time", "minutos", "tiempo_total", "tiempo"),
    "servings": ("servings", "serves", "recipeyield", "raciones", "porciones", "comensales"),
    "difficulty": ("difficulty", "dificultad"),
    "season": ("season", "seasons", "temporada", "temporadas"),
    "diets": ("diets", "diet", "dietas", "dieta"),
    "allergens": ("allergens", "allergen", "alergenos"),
    "tags": ("tags", "keywords", "etiquetas"),
    "source": ("source", "source_title", "fuente", "source_url", "url", "link"),
    "license": ("license", "licence", "licencia"),
}
_FIELD_AND_RANK = {name: (field, rank) for field, names in _HEADINGS.items() for rank, name in enumerate(names)}

# Only what means the same: "shellfish" may be crustaceans or molluscs, and "sin lactosa" still holds milk.
_SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "difficulty": {"easy": "facil", "medium": "media medio intermedia", "hard": "dificil"},
    "season": {"spring": "primavera", "summer": "verano", "autumn": "otono fall", "winter": "invierno"},
    "diets": {
        "vegan": "vegano vegana",
        "vegetarian": "vegetariano vegetariana",
        "pescatarian": "pescetarian pescetariano pescetariana",
        "gluten-free": "sin-gluten",
        "dairy-free": "sin-lacteos",
    },
    "allergens": {
        "gluten": "trigo wheat",
        "crustaceans": "crustaceos",
        "egg": "eggs huevo huevos",
        "fish": "pescado",
        "peanut": "peanuts cacahuete cacahuetes",
        "soy": "soya soja soybeans",
        "milk": "dairy leche lacteos lactose lactosa",
        "nuts": "nut tree-nuts frutos-secos",
        "celery": "apio",
        "mustard": "mostaza",
        "sesame": "sesamo",
        "sulphites": "sulfites sulfitos",
        "lupin": "altramuz altramuces",
        "molluscs": "mollusks moluscos",
    },
}
_OUR_WORDS = {
    (field, synonym): word
    for field, words in _SYNONYMS.items()
    for word, synonyms in words.items()
    for synonym in synonyms.split()
}
_IMPLIED: Mapping[Diet, Sequence[Diet]] = {
    "vegan": ("vegetarian", "pescatarian", "dairy-free"),
    "vegetarian": ("pescatarian",),
}


def columns_of(headings: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of `headings` mean which of our fields; of several for one field the preferred comes first."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for heading in headings:
        name = folded(heading).replace(" ", "_").replace("-", "_")
        if name in _FIELD_AND_RANK:
            field, rank = _FIELD_AND_RANK[name]
            ranked.setdefault(field, []).append((rank, heading))
    return {field: tuple(heading for _, heading in sorted(found)) for field, found in ranked.items()}


# The rows of a file have few sets of keys; a hostile file with a new set in every row costs bounded memory.
_cached_columns = lru_cache(maxsize=64)(columns_of)


def under_our_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `row` says of our fields; keys that mean none of them, and absent values, are left out."""
    fields = {}
    for field, headings in _cached_columns(tuple(row)).items():
        for heading in headings:
            if row[heading] is not None:
                fields[field] = row[heading]
                break
    return fields


def our_word(field: str, value: str) -> str:
    """Translate a value of a field with a fixed vocabulary; what is not known stays, folded, to be refused."""
    word = folded(value).replace(" ", "-").replace("_", "-")
    return _OUR_WORDS.get((field, word), word)


def with_implied(diets: Iterable[str]) -> set[str]:
    """Add to `diets` what they imply: whoever is vegetarian may eat what is vegan."""
    closed = set(diets)
    for diet in DIETS:
        if diet in closed:
            closed.update(_IMPLIED.get(diet, ()))
    return closed
