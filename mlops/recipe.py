"""A recipe, and the vocabularies of its facets. Frozen; parsed once in `mlops.corpus`, trusted everywhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

Allergen = Literal[
    "gluten", "crustaceans", "egg", "fish", "peanut", "soy", "milk",
    "nuts", "celery", "mustard", "sesame", "sulphites", "lupin", "molluscs",
]  # fmt: skip
Diet = Literal["vegan", "vegetarian", "pescatarian", "gluten-free", "dairy-free"]
Difficulty = Literal["easy", "medium", "hard"]
Season = Literal["spring", "summer", "autumn", "winter"]

# The fourteen of Regulation (EU) No 1169/2011, annex II; order is the bit order of the facet masks in an artefact.
ALLERGENS: tuple[Allergen, ...] = get_args(Allergen)
DIETS: tuple[Diet, ...] = get_args(Diet)
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)
SEASONS: tuple[Season, ...] = get_args(Season)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One recipe in English, with what its author declared about it.

    `diets` and `allergens` are declarations and may be empty because nobody said anything; what the ingredients
    themselves say is derived in `mlops.dietary` and always wins on the safe side.
    """

    id: str
    title: str
    ingredients: tuple[str, ...]
    steps: tuple[str, ...] = ()
    title_es: str | None = None
    title_original: str | None = None
    cuisine: str | None = None
    course: str | None = None
    minutes: int | None = None
    servings: int | None = None
    difficulty: Difficulty | None = None
    season: tuple[Season, ...] = ()
    diets: tuple[Diet, ...] = ()
    allergens: tuple[Allergen, ...] = ()
    tags: tuple[str, ...] = ()
    source: str | None = None
    license: str | None = None

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read a row that `mlops.corpus.checks` has passed; lists become tuples, unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {}
        for key in known & row.keys():
            values[key] = tuple(row[key]) if isinstance(row[key], list) else row[key]
        return cls(**values)

    def to_row(self) -> dict[str, Any]:
        """Return plain JSON types; empty and absent values are left out."""
        row = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in row.items()
            if value not in (None, ())
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A recipe's texts in another language; `complete` is false where a line stayed as it was."""

    title: str
    ingredients: tuple[str, ...]
    steps: tuple[str, ...]
    complete: bool = field(default=True)


def corpus_digest(recipes: Iterable[Recipe]) -> str:
    """`sha256:…` over the rows of `recipes` in the order of ids: equal corpora are equal, whatever their file."""
    total = hashlib.sha256()
    for recipe in sorted(recipes, key=lambda each: each.id):
        total.update(orjson.dumps(recipe.to_row(), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
    return f"sha256:{total.hexdigest()}"
