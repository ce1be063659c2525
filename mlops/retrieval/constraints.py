"""Hard filters said in the words of a query, English and Spanish at once, and the text that is left to search with.

What counts as what, where it is not plain:

- nuts (and Spanish `frutos secos`) leave out peanuts as well; "tree nuts" and `nueces` do not;
- milk, cheese, dairy and lactose are the milk class, butter and cream are only themselves, unless an allergy is named;
- dairy and gluten ask for the diet too, which also leaves out what is only likely to contain them;
- "no meat" asks for a pescatarian dish, "no meat or fish" for a vegetarian one;
- shellfish are crustaceans and molluscs, seafood is fish as well; a celiac wants gluten-free;
- quick, light, not too sweet and the like are tastes, not filters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.recommendation import NO_FILTERS, Filters
from mlops.retrieval.exclusion_lists import FoodLists
from mlops.retrieval.exclusion_triggers import endings, leaves_out, one_word, openings, turned
from mlops.retrieval.exclusion_words import exclusion_words
from mlops.retrieval.limits import read_limits
from mlops.retrieval.query_text import QueryText, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlops.retrieval.exclusion_words import Exclusion

_FOR_WHOM = (
    r"(?:(?:i'm|i am|we're|we are|she is|he is|for|soy|somos|es|para|apt[oa]s? para|suitable for) (?:an? |un[oa]? )?)?"
)
DIET = re.compile(
    rf"(?<![\w-]){_FOR_WHOM}(?:"
    r"(?P<vegan>(?:100 ?% )?vegan[oa]?s?|plant[- ]based|100 ?% vegetal(?:es)?|a base de plantas|basad[oa]s? en plantas)"
    r"|(?P<vegetarian>(?:(?:lacto|ovo)[- ]?)*vegetarian[oa]?s?|veggie)"
    r"|(?P<pescatarian>pesc[aeo][ -]?(?:tarian|vegetarian)[oa]?s?)"
    r"|(?P<celiac>(?:coeliac|celiac[oa]?)s?(?: disease|[- ]friendly|[- ]safe)?|celiaquia)"
    r")(?!\w)"
)
# What every diet above has in it, and few queries.
_DIET_ROOTS = ("veg", "plant", "pesc", "elia")
_ASKED = {
    "vegan": Filters(diets=frozenset({"vegan"})),
    "vegetarian": Filters(diets=frozenset({"vegetarian"})),
    "pescatarian": Filters(diets=frozenset({"pescatarian"})),
    "celiac": Filters(diets=frozenset({"gluten-free"}), without_allergens=frozenset({"gluten"})),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """The filters, the text without them (never empty for a text that is not), and the phrases that said them."""

    filters: Filters
    residual: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    span: Span
    filters: Filters


def read_constraints(text: str, to_english: Callable[[str], str] | None = None) -> Constraints:
    """Take the hard filters out of `text`; never raises for content.

    `to_english` turns Spanish foods into English where our own table has no word; without it they are kept as they are.
    """
    filters, phrases, residual = NO_FILTERS, list[str](), text
    while True:
        query = QueryText(residual)
        said = _read(query, to_english)
        if not said:
            return Constraints(filters=filters, residual=residual, phrases=tuple(phrases))
        for one in said:
            filters = filters.merged(one.filters)
            phrases.append(query.text[one.span.start : one.span.end].strip())
        residual = query.less(one.span for one in said).rest()
        if not residual:
            return Constraints(filters=filters, residual=text, phrases=tuple(phrases))


def _read(query: QueryText, to_english: Callable[[str], str] | None) -> list[_Said]:
    """One reading. What a phrase leaves may make a new phrase, so it is repeated until nothing is found."""
    limits = read_limits(query)
    said = [_Said(span=span, filters=NO_FILTERS) for span in limits.spans]
    if said:
        filters = Filters(max_minutes=limits.max_minutes, max_ingredients=limits.max_ingredients)
        said[0] = _Said(span=said[0].span, filters=filters)
    query = query.less(limits.spans)
    diets = list(_diets(query))
    excluded = _exclusions(query.less(one.span for one in diets), to_english)
    return sorted([*said, *diets, *excluded], key=lambda one: one.span)


def _diets(query: QueryText) -> Iterator[_Said]:
    if not any(root in query.folded for root in _DIET_ROOTS):
        return
    for match in DIET.finditer(query.folded):
        name = match.lastgroup or ""
        if not turned(query.folded, match.start()) and not turned(query.folded, match.start(name)):
            yield _Said(span=Span(*match.span()), filters=_ASKED[name])


def _exclusions(query: QueryText, to_english: Callable[[str], str] | None) -> list[_Said]:
    """Everything left out, each said once."""
    if not leaves_out(query.folded):
        return []
    words = exclusion_words()
    lists = FoodLists(query, words, to_english)
    found: list[_Said] = []
    for trigger in openings(query.folded):
        after = lists.after(trigger.end, trigger.language, certain=trigger.certain)
        start = trigger.start if after.start == trigger.end else after.start
        found.append(_Said(span=Span(start, after.end), filters=_filters(after.foods, allergy=trigger.allergy)))
    for trigger in endings(query.folded):
        before = lists.before(trigger.start, allergy=trigger.allergy)
        if not turned(query.folded, before.start):
            filters = _filters(before.foods, allergy=trigger.allergy)
            found.append(_Said(span=Span(before.start, trigger.end), filters=filters))
    for trigger, food in one_word(query.folded):
        named = words.named(food)
        filters = _filters(() if named is None else (named,), allergy=False)
        found.append(_Said(span=Span(trigger.start, trigger.end), filters=filters))
    said: list[_Said] = []
    for one in sorted((one for one in found if not one.filters.empty), key=lambda one: one.span):
        if not said or one.span.start >= said[-1].span.end:
            said.append(one)
    return said


def _filters(named: Iterable[Exclusion], *, allergy: bool) -> Filters:
    """What leaving out `named` asks of a recipe."""
    filters = Filters()
    for one in named:
        filters = filters.merged(
            Filters(
                diets=one.diets,
                without_allergens=one.allergens | one.related if allergy else one.allergens,
                without_ingredients=one.words,
            )
        )
    if "pescatarian" in filters.diets and "fish" in filters.without_allergens:
        filters = filters.merged(Filters(diets=frozenset({"vegetarian"})))
    return filters
