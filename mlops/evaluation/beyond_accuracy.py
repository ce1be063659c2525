"""What is worth having besides relevance: answers that differ, and recipes that not everybody is shown. Pure.

diversity@10: mean over the pairs of the first ten of 1 - Jaccard's index of their words, those of title and ingredients
(intra-list diversity, Ziegler et al. 2005).
novelty@10: mean over the first ten of -log2 of their popularity, in bits (mean self-information, Zhou et al. 2010).
coverage: the share of the corpus that is among the first ten of some answer.

Nobody has rated these recipes, so their popularity is what the judgements say: of `n` judged queries, `k` others than
the one in question want a recipe (grade >= 1), and its popularity is (k + 1) / n. One that nobody else wants is worth
log2(n) bits, one that everybody wants none.

The same counts say which recipes are rare: the least wanted, which together have at most a third of all that is wanted
(the long tail). A query is one for rare recipes where at least half of what it wants is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_WORD = re.compile(r"[^\W\d_]{3,}")
_TAIL = 1 / 3
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many of `queries` judged queries want each recipe; one that is wanted by at most `rare` of them is rare."""

    wanted: Mapping[str, int]
    queries: int
    rare: int

    @classmethod
    def of(cls, relevant: Iterable[Collection[str]]) -> Self:
        """Count what the queries want, given the relevant recipes of each."""
        sets = [frozenset(each) for each in relevant]
        wanted = Counter(document for each in sets for document in each)
        return cls(wanted=wanted, queries=len(sets), rare=_tail(wanted))

    def bits(self, document: str, own: Collection[str]) -> float:
        """The self-information of a recipe to a query that wants `own`, which does not count itself."""
        others = self.wanted.get(document, 0) - (document in own)
        return math.log2(self.queries / (others + 1))

    def for_rare(self, own: Collection[str]) -> bool:
        """Whether at least half of what a query wants is rare."""
        return sum(self.wanted[document] <= self.rare for document in own) >= _HALF * len(own)


def diversity(recipes: Sequence[Mapping[str, Any]]) -> float:
    """How much the recipes of an answer differ, 0 to 1; fewer than two differ in nothing."""
    described = [_words(recipe) for recipe in recipes]
    pairs = [1 - _alike(left, right) for left, right in combinations(described, 2)]
    return fmean(pairs) if pairs else 0.0


def novelty(ranking: Sequence[str], own: Collection[str], demand: Demand) -> float:
    """The mean self-information of the recipes shown to a query that wants `own`, in bits; 0 where none is shown."""
    return fmean(demand.bits(document, own) for document in ranking) if ranking else 0.0


def coverage(shown: Iterable[str], corpus: frozenset[str]) -> float | None:
    """The share of the corpus that is shown; None of an empty one."""
    return len(corpus.intersection(shown)) / len(corpus) if corpus else None


def _tail(wanted: Mapping[str, int]) -> int:
    """Up to how many queries may want a recipe that is in the tail; 0 where all are wanted alike."""
    of_number = Counter(wanted.values())
    most, shares = len(wanted) and _TAIL * sum(wanted.values()), 0
    rare = 0
    for number in sorted(of_number):
        shares += number * of_number[number]
        if shares > most:
            break
        rare = number
    return rare


def _words(recipe: Mapping[str, Any]) -> frozenset[str]:
    text = " ".join((str(recipe.get("title", "")), *map(str, recipe.get("ingredients", ()))))
    return frozenset(_WORD.findall(text.casefold()))


def _alike(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard's index; two without words are the same."""
    either = left | right
    return len(left & right) / len(either) if either else 1.0
