"""Which recipes a training on this machine sees: a named file, what was imported, or the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.corpus.importing import open_corpus
from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.embedded.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Recipes, how many rows were refused, and where they came from, in words."""

    recipes: Sequence[Recipe]
    rejected: int
    source: str


def recipes_for_training(file: Path | None, home: Path) -> Reading:
    """Read `file` where one is named; else the corpus of `home` where something was imported; else the sample."""
    if file is not None:
        reading = open_corpus(file)
        return Reading(recipes=tuple(reading.recipes), rejected=reading.rejected, source=str(file))
    store_path = Home(home).corpus
    if store_path.is_file():
        with CorpusStore.open(store_path) as store:
            imported = tuple(store.rows())
        if imported:
            return Reading(recipes=imported, rejected=0, source=f"{len(imported)} imported recipes")
    sample = sample_recipes()
    return Reading(recipes=sample, rejected=0, source=f"the {len(sample)} recipes of the sample")
