"""The corpus of record inside an artefact: `recipes.parquet`, for retraining and for people. Serving never opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops.recipe import Recipe

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("title_es", pa.string()),
        ("title_original", pa.string()),
        ("cuisine", pa.string()),
        ("course", pa.string()),
        ("minutes", pa.int32()),
        ("servings", pa.int32()),
        ("difficulty", pa.string()),
        ("season", _TEXTS),
        ("diets", _TEXTS),
        ("allergens", _TEXTS),
        ("tags", _TEXTS),
        ("ingredients", _TEXTS),
        ("steps", _TEXTS),
        ("source", pa.string()),
        ("license", pa.string()),
    ]
)


def write_recipes(path: Path, recipes: Sequence[Recipe]) -> None:
    """Write `recipes` in order, one row each, absent values as null."""
    table = pa.Table.from_pylist([recipe.to_row() for recipe in recipes], schema=SCHEMA)
    pq.write_table(table, path, compression="zstd")
