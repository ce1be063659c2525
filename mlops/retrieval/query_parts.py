"""An English query as what goes into a dish, and what is left: "cake with pears or plums" is pears or plums, and cake.

For the features that a ranking is learned from. Unlike `pantry.py` it demands nothing: a food that no recipe has, or a
word taken for a food by mistake, costs a place or two and never an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mlops.dietary.lexicon import DISH, GLUE, QUALIFIER, Lexicon, fold, stem
from mlops.retrieval.pantry import expand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.dietary.lexicon import Entry

_WORD = re.compile(r"[^\W\d_]+")
_OR = frozenset({"or", "o", "u", "/"})
_NO_FOOD = frozenset({GLUE, QUALIFIER, DISH})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParts:
    """`foods` are groups of English words of which any one will do; `dish` is the rest, a text."""

    foods: tuple[frozenset[str], ...]
    dish: str


@dataclass(frozen=True, slots=True)
class _Food:
    text: str
    kind: str
    start: int
    end: int


def read_parts(english: str) -> QueryParts:
    """Take `english` apart: "peaches, plums or pears" is one group, and a kind stands for its members."""
    words = list(_WORD.finditer(english))
    foods: list[_Food] = []
    rest: list[str] = []
    for first, last, entry in _read(words):
        start, end = words[first].start(), words[last].end()
        if entry is None:
            rest.append(english[start:end])
        else:
            foods.append(_Food(english[start:end].lower(), entry.kind, start, end))
    groups = _grouped(foods, english)
    return QueryParts(
        foods=tuple(frozenset(word for food in group for word in expand(food.text)) for group in groups),
        dish=" ".join(rest),
    )


def _read(words: Sequence[re.Match[str]]) -> Iterator[tuple[int, int, Entry | None]]:
    """Yield (first word, last word, food) in order; food is None for a word that names none."""
    keys = [stem(fold(word.group())) for word in words]
    at = 0
    while at < len(keys):
        entry, length = _lexicon().longest(keys, at) or (None, 1)
        if entry is not None and entry.kind == DISH:
            # "fish cake" is a dish, made of fish.
            entry, length = _lexicon().phrases.get((keys[at],)), 1
        last = min(at + length, len(keys)) - 1
        yield at, last, None if entry is None or entry.kind in _NO_FOOD else entry
        at = last + 1


def _grouped(foods: Sequence[_Food], text: str) -> list[list[_Food]]:
    groups: list[list[_Food]] = []
    for food in foods:
        if not groups or _between(groups[-1], food, text) not in _OR:
            groups.append([food])
            continue
        groups[-1].append(food)
        # Of "lemon, plums or pears" the plums belong to the pears; the lemon does too, being a fruit with them.
        while len(groups) > 1 and len(groups[-2]) == 1 and _alike(groups[-2][0], groups[-1][0], text):
            last = groups.pop()
            groups[-1] += last
    return groups


def _between(group: Sequence[_Food], food: _Food, text: str) -> str:
    return text[group[-1].end : food.start].strip().lower()


def _alike(left: _Food, right: _Food, text: str) -> bool:
    return left.kind == right.kind and text[left.end : right.start].strip() == ","


@cache
def _lexicon() -> Lexicon:
    return Lexicon.load()
