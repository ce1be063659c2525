"""The sample corpus: more than 300 modern recipes in English with Spanish titles, for a first model and for tests.

Licence: written for this project, own work, Apache-2.0 as the rest of it.
"""

from __future__ import annotations

from importlib import resources

import orjson

from mlops.recipe import Recipe


def sample_recipes() -> tuple[Recipe, ...]:
    """Every recipe of the sample, in the order of ids. Not checked again: a test holds what ships to the schema."""
    content = resources.files("mlops.corpus").joinpath("sample", "recipes.jsonl").read_bytes()
    return tuple(Recipe.from_row(orjson.loads(line)) for line in content.splitlines())
