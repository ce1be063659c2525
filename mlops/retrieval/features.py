"""What a learned ranking sees of a query and a recipe: numbers only, none of which names a recipe or a user.

So nothing can be learned about one recipe alone: clicks bought for it teach at most what kind of recipe is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.retrieval.query_parts import read_parts
from mlops.retrieval.term_fields import INGREDIENTS, LEAD, TITLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.retrieval.fusion import Fused, Ranking
    from mlops.retrieval.term_fields import TermFields
    from mlops.retrieval.understanding import Understood

_LEAST_BEST = 1e-6
# A feature's name, and the direction in which it may only speak: 1 more of it never hurts, -1 never helps, 0 either.
# These bounds keep noise out, and hold against clicks that say the opposite of what a search is for.
FEATURES: Mapping[str, int] = {
    "semantic": 1,
    "semantic_below_best": 1,
    "semantic_place": -1,
    "adapted": 1,
    "adapted_gain": 0,
    "adapted_place": -1,
    "lexical": 1,
    "lexical_of_best": 1,
    "lexical_place": -1,
    "spanish_of_best": 1,
    "spanish_place": -1,
    "fused": 1,
    "title_rare": 1,
    "title": 1,
    "title_lead": 1,
    "title_ingredients": 1,
    "title_said": 1,
    "pantry": 1,
    "pantry_lead": 1,
    "foods_title": 1,
    "foods_lead": 1,
    "foods_ingredients": 1,
    "dish_title": 1,
    "dish_ingredients": 1,
    "recipe_ingredients": 0,
    "query_terms": 0,
    "query_foods": 0,
    "query_dish_terms": 0,
}
DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A query and what the rankings say of recipes for it: of all, or of those that one of them may rank.

    `documents` int (seen,), ascending, are the recipes by their numbers; all else that is (seen,) here, and all that is
    called a document in the functions below, goes by the place in it. `vector` float32 (dimension,); `adapted` the
    cosines float32 (seen,) of the adapted query; `coverage` as `bonus` in `fusion.fuse`.
    """

    query: Understood
    vector: NDArray[np.float32]
    documents: NDArray[np.intp]
    rankings: tuple[Ranking, ...]
    coverage: NDArray[np.float32] | None
    adapted: NDArray[np.float32]

    def scores(self, name: str) -> NDArray[np.float32]:
        """The scores of one ranking, float32 (seen,); zeros where it was not asked."""
        found = next((ranking.scores for ranking in self.rankings if ranking.name == name), None)
        return np.zeros_like(self.adapted) if found is None else found


def candidates(seen: Seen, fused: Fused) -> NDArray[np.intp]:
    """The documents worth a second look: the first hundred of the fusion, of each ranking, and of the adapted query."""
    chosen = np.zeros(len(fused.documents), dtype=np.bool_)
    chosen[:DEPTH] = True
    for ranks in fused.ranks if seen.coverage is None else fused.ranks[1:]:
        chosen |= (ranks > 0) & (ranks <= DEPTH)
    adapted = seen.adapted[fused.documents]
    if len(adapted) > DEPTH:
        chosen[np.argpartition(-adapted, DEPTH)[:DEPTH]] = True
    return fused.documents[chosen]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shelf:
    """What features are read from besides the rankings; `ingredient_counts` int (recipes,)."""

    fields: TermFields
    ingredient_counts: NDArray[np.integer]


def features(
    seen: Seen, fused: Fused, shelf: Shelf, among: NDArray[np.intp], documents: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Describe `documents`, float32 (documents, features); places are counted `among` the candidates.

    `fused` holds all that any ranking found.
    """
    columns = {
        **_meaning(seen, among, documents),
        **_words(seen, fused, among, documents),
        **_terms(seen, shelf.fields, documents),
        "recipe_ingredients": shelf.ingredient_counts[seen.documents[documents]],
    }
    matrix = np.empty((len(documents), len(FEATURES)), dtype=np.float32)
    for column, name in enumerate(FEATURES):
        matrix[:, column] = columns[name]
    return matrix


def _meaning(seen: Seen, among: NDArray[np.intp], documents: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    semantic = seen.scores("semantic")
    own, adapted = semantic[documents], seen.adapted[documents]
    return {
        "semantic": own,
        "semantic_below_best": own - semantic[among].max(initial=-1.0),
        "semantic_place": _places(semantic, among, documents),
        "adapted": adapted,
        "adapted_gain": adapted - own,
        "adapted_place": _places(seen.adapted, among, documents),
    }


def _words(
    seen: Seen, fused: Fused, among: NDArray[np.intp], documents: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    lexical, spanish = seen.scores("lexical"), seen.scores("lexical_es")
    total = np.zeros(len(seen.adapted), dtype=np.float32)
    # Without the pantry's share: that stands in a feature of its own.
    total[fused.documents] = np.sum(fused.shares[0 if seen.coverage is None else 1 :], axis=0)
    return {
        "lexical": lexical[documents],
        "lexical_of_best": _of_best(lexical, among, documents),
        "lexical_place": _places(lexical, among, documents),
        "spanish_of_best": _of_best(spanish, among, documents),
        "spanish_place": _places(spanish, among, documents),
        "fused": total[documents],
    }


def _terms(seen: Seen, fields: TermFields, documents: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    numbers = seen.documents[documents]
    held = fields.look(numbers)
    terms = fields.terms_of(seen.query.english)
    parts = read_parts(seen.query.english)
    dish = fields.terms_of(parts.dish)
    said = held.shares(terms)
    foods = held.group_shares([fields.members(group) for group in parts.foods])
    dishes = held.shares(dish)
    pantry = held.group_shares([fields.members(group) for group in seen.query.pantry or ()])
    covered = seen.coverage[documents] if seen.coverage is not None else np.full(len(documents), -1, dtype=np.float32)
    return {
        "title_rare": held.shares(terms, weighed=True)[:, TITLE],
        "title": said[:, TITLE],
        "title_lead": said[:, LEAD],
        "title_ingredients": said[:, INGREDIENTS],
        "title_said": (said[:, TITLE] * len(terms) / np.maximum(fields.title_terms[numbers], 1)).astype(np.float32),
        "pantry": covered,
        "pantry_lead": pantry[:, LEAD],
        "foods_title": foods[:, TITLE],
        "foods_lead": foods[:, LEAD],
        "foods_ingredients": foods[:, INGREDIENTS],
        "dish_title": dishes[:, TITLE],
        "dish_ingredients": dishes[:, INGREDIENTS],
        **{
            name: np.full(len(documents), number, dtype=np.float32)
            for name, number in _sizes(terms, parts.foods, dish).items()
        },
    }


def _sizes(terms: Sequence[str], foods: Sequence[frozenset[str]], dish: Sequence[str]) -> dict[str, int]:
    return {"query_terms": len(terms), "query_foods": len(foods), "query_dish_terms": len(dish)}


def _places(scores: NDArray[np.float32], among: NDArray[np.intp], documents: NDArray[np.intp]) -> NDArray[np.float32]:
    """The logarithm of one more than the number of candidates that score higher."""
    ascending = np.sort(scores[among])
    higher = len(ascending) - np.searchsorted(ascending, scores[documents], side="right")
    return np.log1p(higher).astype(np.float32)


def _of_best(scores: NDArray[np.float32], among: NDArray[np.intp], documents: NDArray[np.intp]) -> NDArray[np.float32]:
    best = float(scores[among].max(initial=0.0))
    # What is as good as nothing is no measure: dividing by it would overflow.
    return scores[documents] / np.float32(best if best > _LEAST_BEST else 1.0)
