"""One signal alone, as a textbook has it: what the hybrid is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from mlops.recommendation import Answer, Filters, Hit
from mlops.retrieval.lexical import LexicalIndex
from mlops.retrieval.lexical_building import write_lexical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlops.recipe import Recipe
    from mlops.recommendation import Ask
    from mlops.retrieval.encoder import Encoder


@dataclass(frozen=True)
class PlainRanking:
    """Ranks by `scores`, float32 (recipes,), of the query as it is: no filters, no translation, no pantry."""

    ids: Sequence[str]
    scores: Callable[[str], NDArray[np.float32]]

    def recommend(self, ask: Ask) -> Answer:
        """The recipes of positive score, ties by their order in the corpus."""
        scores = self.scores(ask.text)
        order = np.argsort(-scores, kind="stable")[: ask.k]
        hits = tuple(
            Hit(id=self.ids[place], score=float(scores[place]), recipe={}, signals=(), translated=True)
            for place in order
            if scores[place] > 0
        )
        return Answer(
            hits=hits, language="en", query_en=ask.text, translated=True, filters=Filters(), version="0.0.0-plain"
        )


def plain_bm25(recipes: Sequence[Recipe]) -> PlainRanking:
    """BM25 over title, ingredients and steps, each once."""
    texts = [" ".join((recipe.title, *recipe.ingredients, *recipe.steps)) for recipe in recipes]
    with TemporaryDirectory() as folder:
        write_lexical(texts, "en", Path(folder, "index"))
        index = LexicalIndex.load(Path(folder, "index"), "en", len(texts))
    return PlainRanking([recipe.id for recipe in recipes], lambda text: index.best([text], [None], 1)[0][0])


def plain_minilm(recipes: Sequence[Recipe], encoder: Encoder, progress: Callable[[int], None]) -> PlainRanking:
    """Cosine of MiniLM vectors of title and ingredients as they stand."""
    texts = [f"{recipe.title}. {', '.join(recipe.ingredients)}" for recipe in recipes]
    vectors = encoder.encode(texts, progress)
    return PlainRanking([recipe.id for recipe in recipes], lambda text: vectors @ encoder.encode([text])[0])
