"""Which text of a recipe each index sees.

Measured on the development queries (NDCG@10 of the fused ranking): quantities in the embedded text cost 1.3 points, and
a title said twice gains 1.7 on dishes asked for by name; the lexical index weighs a title three times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops.recipe import Recipe, Translation

_QUANTITY = re.compile(
    r"[\d/.,½⅓⅔¼¾⅛]+"
    r"|\b(?:cups?|tablespoons?|teaspoons?|tbsps?|tsps?|pounds?|lbs?|oz|ounces?|kg|kilos?|g|grams?|ml|l|litres?|liters?|pints?|quarts?|of)\b",
    re.IGNORECASE,
)


def without_quantities(line: str) -> str:
    """An ingredient line without numbers and units: "200 g flour" is "flour"."""
    return " ".join(_QUANTITY.sub(" ", line).split())


def semantic_text(recipe: Recipe) -> str:
    """Title, title again, and the ingredients without their quantities."""
    names = (without_quantities(line) for line in recipe.ingredients)
    return f"{recipe.title}. {recipe.title}. {', '.join(names)}"


def lexical_text(recipe: Recipe) -> str:
    """Title three times, ingredients, steps, and what else a person might search by."""
    facets = [recipe.cuisine or "", recipe.course or "", *recipe.diets, *recipe.season, *recipe.tags]
    return " ".join([recipe.title] * 3 + [*recipe.ingredients, *recipe.steps, *facets])


def parts_text(recipe: Recipe) -> str:
    """Title and ingredients: where "I have …" and "without …" look."""
    return " ".join([recipe.title, *recipe.ingredients])


def spanish_text(recipe: Recipe, translation: Translation | None) -> str:
    """The Spanish side: given titles three times, and ingredients as translated; else empty."""
    titles = [title for title in (recipe.title_es, recipe.title_original) if title]
    translated = [translation.title, *translation.ingredients] if translation else []
    return " ".join(titles * 3 + translated)
