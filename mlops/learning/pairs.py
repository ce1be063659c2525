"""What a fine-tuned encoder should bring together: a query and what was chosen for it, a title and its recipe. Pure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mlops.retrieval.documents import semantic_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops.learning.sessions import Session
    from mlops.recipe import Recipe


def training_pairs(
    sessions: Iterable[Session], recipes: Mapping[str, Recipe], *, most: int, seed: int
) -> list[tuple[str, str]]:
    """At most `most` pairs of different texts, shuffled by `seed`: first of English clicks, then of titles.

    The encoder reads English only; what was asked in Spanish reaches it translated, and is left out here.
    """
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    clicked = sorted(
        {
            (session.query, semantic_text(recipes[recipe]))
            for session in sessions
            if session.language == "en"
            for recipe in session.liked
            if recipe in recipes
        }
    )
    titled = sorted({(recipe.title, ", ".join(recipe.ingredients)) for recipe in recipes.values()})
    rng.shuffle(clicked)
    rng.shuffle(titled)
    pairs = (clicked + titled)[:most]
    rng.shuffle(pairs)
    return pairs
