"""Allergens and diets of a recipe: what its author declared, checked against what its ingredient lines say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Self, cast

from mlops.dietary.lexicon import Lexicon
from mlops.dietary.reading import NOTHING, SEA, Contents, read_line, read_title
from mlops.recipe import ALLERGENS, DIETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.recipe import Allergen, Diet, Recipe

# What each diet leaves out. Rennet, gelatine and lard count as meat: a pescatarian eats none of them.
FORBIDDEN: dict[Diet, frozenset[str]] = {
    "vegan": frozenset({"meat", "egg", "milk", "honey"}) | SEA,
    "vegetarian": frozenset({"meat"}) | SEA,
    "pescatarian": frozenset({"meat"}),
    "gluten-free": frozenset({"gluten"}),
    "dairy-free": frozenset({"milk"}),
}
IMPLIED: dict[Diet, frozenset[Diet]] = {
    "vegan": frozenset({"vegetarian", "pescatarian", "dairy-free"}),
    "vegetarian": frozenset({"pescatarian"}),
}
_ALLERGENS = frozenset(ALLERGENS)
# A corpus of 46,000 recipes has some 100,000 different lines; keeping the frequent ones is what pays.
_LINES_KEPT = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DietaryRules:
    """Derives the facets of recipes. Load once; safe to call from several threads."""

    lexicon: Lexicon
    read: Callable[[str], Contents]

    @classmethod
    def load(cls) -> Self:
        """Read the packaged lexicon."""
        lexicon = Lexicon.load()
        return cls(lexicon=lexicon, read=lru_cache(maxsize=_LINES_KEPT)(partial(read_line, lexicon)))

    def allergens(self, recipe: Recipe) -> frozenset[Allergen]:
        """Return the allergens declared, and those that the ingredient lines and the title name.

        What a food only often contains (milk in dark chocolate, gluten in stock) is not claimed: it keeps a recipe out
        of a derived diet instead. The title is read in the light of the diets that hold by ingredients, for a title
        names a dish: a vegan "ham and cheese toast" has neither.
        """
        lines = self._lines(recipe)
        title = self._title(recipe, _declared(recipe, lines.contains))
        derived = (lines.contains | title.contains) & _ALLERGENS
        return frozenset(recipe.allergens) | cast("frozenset[Allergen]", derived)

    def diets(self, recipe: Recipe) -> frozenset[Diet]:
        """Return the diets that hold.

        Declared ones hold unless an ingredient surely contradicts them, and so does what they imply. Where none is
        declared, a diet is derived when no line and not the title contains or often contains what it forbids, and every
        line names a food that the lexicon knows.
        """
        lines = self._lines(recipe)
        if recipe.diets:
            return _declared(recipe, lines.contains)
        if not recipe.ingredients or not lines.known:
            return frozenset()
        title = self._title(recipe, frozenset())
        present = lines.contains | lines.doubts | title.contains | title.doubts | frozenset(recipe.allergens)
        return frozenset(diet for diet in DIETS if FORBIDDEN[diet].isdisjoint(present))

    def _lines(self, recipe: Recipe) -> Contents:
        read = [self.read(line) for line in recipe.ingredients]
        return Contents(
            contains=NOTHING.union(*(line.contains for line in read)),
            doubts=NOTHING.union(*(line.doubts for line in read)),
            known=all(line.known for line in read),
        )

    def _title(self, recipe: Recipe, diets: frozenset[Diet]) -> Contents:
        return read_title(self.lexicon, recipe.title, NOTHING.union(*(FORBIDDEN[diet] for diet in diets)))


def _declared(recipe: Recipe, contains: frozenset[str]) -> frozenset[Diet]:
    """The declared diets that neither `contains` nor a declared allergen contradicts, and what those imply."""
    present = contains | frozenset(recipe.allergens)
    held = frozenset(diet for diet in recipe.diets if FORBIDDEN[diet].isdisjoint(present))
    return held.union(*(IMPLIED.get(diet, ()) for diet in held))
