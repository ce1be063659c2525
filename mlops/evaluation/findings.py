"""Output validation: what is wrong with an answer whatever its relevance. Pure.

Filters are checked against what the recipe itself declares and against plain words, not by the rules that the model
filtered with: a second opinion that can only see what is written, so that it never cries wolf.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mlops.recommendation import Answer, Filters, Hit, Language

# What a diet rules out for certain among the declared allergens.
_RULED_OUT: dict[str, frozenset[str]] = {
    "vegan": frozenset({"egg", "milk", "fish", "crustaceans", "molluscs"}),
    "vegetarian": frozenset({"fish", "crustaceans", "molluscs"}),
    "pescatarian": frozenset(),
    "gluten-free": frozenset({"gluten"}),
    "dairy-free": frozenset({"milk"}),
}


class Flaw(StrEnum):
    """The kinds of finding. An empty answer is the only one that may be right."""

    DUPLICATE = "duplicate"
    DISORDER = "score-order"
    NOT_FINITE = "score-not-finite"
    VIOLATION = "filter-violated"
    UNKNOWN = "unknown-id"
    TOO_MANY = "too-many"
    FAILED = "failed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One flaw of the answer to one query, in words."""

    flaw: Flaw
    qid: str
    detail: str


def findings_in(qid: str, answer: Answer, k: int, known: Collection[str] | None) -> Iterator[Finding]:
    """Yield what is wrong with `answer` to a question for `k` recipes; `known` are the ids of the corpus or None."""
    hits = answer.hits
    if not hits:
        yield Finding(flaw=Flaw.EMPTY, qid=qid, detail="; ".join(answer.notes) or "no recipe, and no note says why")
    if len(hits) > k:
        yield Finding(flaw=Flaw.TOO_MANY, qid=qid, detail=f"{len(hits)} recipes > {k} asked for")
    yield from _identity(qid, hits, known)
    yield from _order(qid, hits)
    for hit in hits:
        for broken in violations(hit.recipe, answer.filters, answer.language):
            yield Finding(flaw=Flaw.VIOLATION, qid=qid, detail=f"{hit.id}: {broken}")


def violations(row: Mapping[str, Any], filters: Filters, language: Language) -> Iterator[str]:
    """Yield the filters that the recipe `row` breaks by its own words, its text being in `language`.

    `without_ingredients` are English words and are not looked for in Spanish text.
    """
    declared = frozenset(row.get("allergens", ()))
    for diet in sorted(filters.diets):
        if contrary := declared & _RULED_OUT[diet]:
            yield f"declares {', '.join(sorted(contrary))}, asked for {diet}"
    if present := declared & filters.without_allergens:
        yield f"declares {', '.join(sorted(present))}"
    minutes = row.get("minutes")
    if filters.max_minutes is not None and (minutes is None or minutes > filters.max_minutes):
        yield f"takes {minutes} minutes > {filters.max_minutes}"
    ingredients = row.get("ingredients", ())
    if filters.max_ingredients is not None and len(ingredients) > filters.max_ingredients:
        yield f"has {len(ingredients)} ingredients > {filters.max_ingredients}"
    if language == "en":
        text = " ".join((str(row.get("title", "")), *ingredients)).casefold()
        for word in sorted(filters.without_ingredients):
            if re.search(rf"\b{re.escape(word.casefold())}\b", text):
                yield f"names {word}"


def _identity(qid: str, hits: Sequence[Hit], known: Collection[str] | None) -> Iterator[Finding]:
    seen: set[str] = set()
    for hit in hits:
        if hit.id in seen:
            yield Finding(flaw=Flaw.DUPLICATE, qid=qid, detail=f"{hit.id} more than once")
        seen.add(hit.id)
        if known is not None and hit.id not in known:
            yield Finding(flaw=Flaw.UNKNOWN, qid=qid, detail=f"{hit.id} is not in the corpus")


def _order(qid: str, hits: Sequence[Hit]) -> Iterator[Finding]:
    for hit in hits:
        if not math.isfinite(hit.score):
            yield Finding(flaw=Flaw.NOT_FINITE, qid=qid, detail=f"{hit.id} has the score {hit.score}")
    for place, (better, worse) in enumerate(pairwise(hits), start=1):
        if better.score < worse.score:
            detail = f"place {place} has {better.score:.4g} < {worse.score:.4g} at place {place + 1}"
            yield Finding(flaw=Flaw.DISORDER, qid=qid, detail=detail)
