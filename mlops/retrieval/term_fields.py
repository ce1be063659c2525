"""Which terms stand where in each recipe: in the title, among the first ingredients, or further down.

A forward index: what a few hundred candidates hold is read in microseconds, however many recipes there are. Arrays on
disk are plain .npy and JSON.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.retrieval.analyzer import Analyzer
from mlops.retrieval.documents import without_quantities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# The levels at which a term may stand; a term counts where it stands highest.
TITLE, LEAD, INGREDIENTS = 0, 1, 2
# What a dish is made of is what its author names first.
LEAD_LINES = 2
MOST_MEMBERS = 200
FILES = ("terms.npy", "levels.npy", "offsets.npy")
VOCABULARY_FILE = "vocabulary.json"


class TermFields:
    """Terms and their levels, recipe after recipe, in document order."""

    def __init__(
        self,
        vocabulary: Sequence[str],
        terms: NDArray[np.int32],
        levels: NDArray[np.uint8],
        offsets: NDArray[np.int64],
    ) -> None:
        self._vocabulary = vocabulary
        self._numbers = {term: number for number, term in enumerate(vocabulary)}
        self._terms = terms
        self._levels = levels
        self._offsets = offsets
        self._analyzer = Analyzer("en")
        # "fish" stands for eighty words, and is asked for often.
        self._members = lru_cache(maxsize=4096)(self._terms_of_each)
        documents = max(len(offsets) - 1, 1)
        found = np.bincount(terms, minlength=len(vocabulary))
        # Robertson & Sparck Jones 1976, as Lucene has it: never negative.
        self._idf = np.log(1 + (documents - found + 0.5) / (found + 0.5)).astype(np.float32)
        rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        in_title = np.bincount(rows, levels == TITLE, len(offsets) - 1)
        self.title_terms: NDArray[np.float32] = in_title.astype(np.float32)

    def __reduce__(self) -> tuple[Any, ...]:
        # To another process, without what is remembered here.
        return type(self), (self._vocabulary, self._terms, self._levels, self._offsets)

    @classmethod
    def build(cls, rows: Iterable[Mapping[str, Any]]) -> TermFields:
        """Index the titles and ingredients of `rows`, in their order."""
        analyzer = Analyzer("en")
        numbers: dict[str, int] = {}
        terms: list[int] = []
        levels: list[int] = []
        offsets = [0]
        for row in rows:
            lines = [without_quantities(line) for line in row["ingredients"]]
            highest: dict[str, int] = {}
            for level, texts in (
                (TITLE, [row["title"]]),
                (LEAD, lines[:LEAD_LINES]),
                (INGREDIENTS, lines[LEAD_LINES:]),
            ):
                for term in analyzer.terms(" ".join(texts)):
                    highest.setdefault(term, level)
            terms += [numbers.setdefault(term, len(numbers)) for term in highest]
            levels += highest.values()
            offsets.append(len(terms))
        return cls(
            list(numbers),
            np.array(terms, dtype=np.int32),
            np.array(levels, dtype=np.uint8),
            np.array(offsets, dtype=np.int64),
        )

    @classmethod
    def load(cls, folder: Path) -> TermFields:
        """Read what `save` wrote; raises OSError or ValueError for files that are not there or not whole."""
        vocabulary = json.loads((folder / VOCABULARY_FILE).read_bytes())
        terms, levels, offsets = (np.load(folder / name, allow_pickle=False) for name in FILES)
        return cls(vocabulary, terms, levels, offsets)

    def save(self, folder: Path) -> None:
        """Write four files into `folder`."""
        arrays: tuple[NDArray[Any], ...] = (self._terms, self._levels, self._offsets)
        for name, array in zip(FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)
        (folder / VOCABULARY_FILE).write_text(json.dumps(self._vocabulary, ensure_ascii=False), encoding="utf-8")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def terms_of(self, text: str) -> tuple[str, ...]:
        """The different terms of a query text, in order."""
        return tuple(dict.fromkeys(self._analyzer.terms(text)))

    def members(self, words: frozenset[str]) -> tuple[tuple[str, ...], ...]:
        """The terms of each of `words`, in alphabetical order; of a very long list the first 200."""
        return self._members(words)

    def _terms_of_each(self, words: frozenset[str]) -> tuple[tuple[str, ...], ...]:
        return tuple(terms for word in islice(sorted(words), MOST_MEMBERS) if (terms := self.terms_of(word)))

    def look(self, documents: NDArray[np.intp]) -> Held:
        """What `documents` hold, for any number of questions about them."""
        starts, ends = self._offsets[documents], self._offsets[documents + 1]
        lengths = ends - starts
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths) + np.repeat(starts, lengths)
        rows = np.repeat(np.arange(len(documents)), lengths)
        return Held(self._numbers, self._idf, self._terms[at], self._levels[at], rows, len(documents))


class Held:
    """The terms of some documents, ready to be asked."""

    def __init__(
        self,
        numbers: Mapping[str, int],
        idf: NDArray[np.float32],
        terms: NDArray[np.int32],
        levels: NDArray[np.uint8],
        rows: NDArray[np.intp],
        size: int,
    ) -> None:
        self._numbers = numbers
        self._idf = idf
        self._terms = terms
        self._levels = levels
        self._rows = rows
        self._size = size

    def shares(self, terms: Sequence[str], *, weighed: bool = False) -> NDArray[np.float32]:
        """The share of `terms` that stand at or above each level, float32 (documents, 3); `weighed` by idf.

        A term that no recipe holds counts as missing. Without any term, -1: there was nothing to look for.
        """
        if not terms:
            return np.full((self._size, 3), -1, dtype=np.float32)
        weights = np.zeros(len(self._idf) + 1, dtype=np.float32)
        known = [self._numbers[term] for term in terms if term in self._numbers]
        weights[known] = self._idf[known] if weighed else 1.0
        # What occurs nowhere is as rare as anything can be.
        missing = (len(terms) - len(known)) * (float(self._idf.max(initial=1.0)) if weighed else 1.0)
        total = max(float(weights.sum()) + missing, 1e-9)
        return self._by_level(weights[self._terms]) / np.float32(total)

    def group_shares(self, groups: Sequence[Sequence[tuple[str, ...]]]) -> NDArray[np.float32]:
        """The share of `groups` of which any member stands at or above each level, float32 (documents, 3).

        A member is one or more terms that must all be there. Without a group, -1.
        """
        if not groups:
            return np.full((self._size, 3), -1, dtype=np.float32)
        counts = np.zeros((self._size, 3), dtype=np.float32)
        for group in groups:
            counts += self._any_of(group)
        return counts / np.float32(len(groups))

    def _any_of(self, members: Sequence[tuple[str, ...]]) -> NDArray[np.bool_]:
        single = [self._numbers[member[0]] for member in members if len(member) == 1 and member[0] in self._numbers]
        found = self._has(single)
        for member in members:
            if len(member) > 1 and all(term in self._numbers for term in member):
                each = [self._has([self._numbers[term]]) for term in member]
                found |= np.logical_and.reduce(each)
        return found

    def _has(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        flags = np.zeros(len(self._idf) + 1, dtype=np.float32)
        flags[list(numbers)] = 1
        return self._by_level(flags[self._terms]) > 0

    def _by_level(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sums of the weights of each document's terms, at or above each level."""
        kept = np.flatnonzero(weights)
        cells = self._rows[kept] * 3 + self._levels[kept]
        sums = np.bincount(cells, weights[kept], self._size * 3).reshape(self._size, 3)
        return np.cumsum(sums, axis=1).astype(np.float32)
