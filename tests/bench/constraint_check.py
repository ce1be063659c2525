"""How many recipes that break a hard constraint are among the first ten, by a naive reading of the ingredients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from mlops.recommendation import Ask, Language
from tests.bench.constraint_queries import CONSTRAINT_QUERIES
from tests.bench.naive_reading import naive_violations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.recipe import Recipe
    from mlops.recommendation import Recommends
    from tests.bench.constraint_queries import ConstraintQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Violations:
    """The first ten of every constraint query, asked one way: how many recipes, and what is wrong with which.

    The control asks for the bare dish: what it breaks shows that the reading of the ingredients finds violations.
    """

    way: str
    control: bool
    shown: int
    empty: int
    broken: tuple[str, ...]


def count_violations(recommender: Recommends, recipes: Sequence[Recipe]) -> list[Violations]:
    """Ask every constraint in words alone, as filters beside the bare dish, and not at all, in both languages."""
    by_id = {recipe.id: recipe for recipe in recipes}
    found = []
    for way, ask in (("in words", _in_words), ("as filters", _as_filters), ("not said (control)", _bare)):
        for language in get_args(Language):
            asks = [ask(query, language) for query in CONSTRAINT_QUERIES]
            found.append(_violations(f"{way}, {language}", recommender, by_id, asks, control=ask is _bare))
    return found


def _in_words(query: ConstraintQuery, language: Language) -> Ask:
    text = f"{query.dish_en} {query.words_en}" if language == "en" else f"{query.dish_es} {query.words_es}"
    return Ask(text=text, k=10)


def _as_filters(query: ConstraintQuery, language: Language) -> Ask:
    return replace(_bare(query, language), filters=query.filters)


def _bare(query: ConstraintQuery, language: Language) -> Ask:
    return Ask(text=query.dish_en if language == "en" else query.dish_es, k=10, language=language)


def _violations(
    way: str, recommender: Recommends, by_id: Mapping[str, Recipe], asks: Sequence[Ask], *, control: bool
) -> Violations:
    ranked = [[by_id[hit.id] for hit in recommender.recommend(ask).hits] for ask in asks]
    broken = tuple(
        f"{ask.text}: {recipe.title} ({problem})"
        for ask, query, found in zip(asks, CONSTRAINT_QUERIES, ranked, strict=True)
        for recipe in found
        for problem in naive_violations(recipe, query.filters)
    )
    return Violations(
        way=way,
        control=control,
        shown=sum(map(len, ranked)),
        empty=sum(not found for found in ranked),
        broken=broken,
    )
