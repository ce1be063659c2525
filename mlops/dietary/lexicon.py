"""The words of ingredient lines and what each is known to contain, from `lexicon.tsv`; the longest phrase wins."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING, Self

from mlops.recipe import ALLERGENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# What a food may contain beside the fourteen allergens; the head of lexicon.tsv says what each means.
CONTENTS = frozenset([*ALLERGENS, "meat", "seafood", "honey"])
QUALIFIER = "qualifier"
DISH = "dish"
GLUE = "glue"

# Letters that do not decompose into a letter and an accent.
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "’": "'"})  # noqa: RUF001 - the apostrophe of printed books
_IRREGULAR = {
    "calves": "calf", "feet": "foot", "geese": "goose", "halves": "half", "leaves": "leaf", "loaves": "loaf",
    # Plurals that are foods of their own: whites of eggs, lights of a calf, peppers beside ground pepper.
    "whites": "whites", "lights": "lights", "peppers": "peppers",
}  # fmt: skip


_WORD = re.compile(r"[a-z]+")
_POSSESSIVE = re.compile(r"'s\b|'")
_PLURAL_S = re.compile(r"(?<=[a-z]{3})(?<![sui])s$")
_PLURAL_E = re.compile(r"(?<=[a-z]{3})(?:(?<=[ioxz])|(?<=sh|ch|ss))e$")
_FINAL_Y = re.compile(r"(?<=[a-z]{2})y$")


def fold(text: str) -> str:
    """Lower case, accents and ligatures spelt out: `Æg` and `aeg` meet, as do `crème` and `creme`."""
    lowered = text.lower().translate(_LETTERS)
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """One key for singular and plural of a folded English or Spanish word; nothing else is conflated."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _FINAL_Y.sub("i", _PLURAL_E.sub("", _PLURAL_S.sub("", word)))


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of the words of `text`, in order; possessives lose their s."""
    return tuple([stem(word) for word in _WORD.findall(_POSSESSIVE.sub("", fold(text)))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a phrase means: surely contains, often contains (`doubts`), and for a qualifier what it promises absent."""

    kind: str
    contains: frozenset[str] = frozenset()
    doubts: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, contents: str, kind: str) -> Self:
        """Read the first two columns of a row of the lexicon."""
        marks = [] if contents == "-" else contents.split(",")
        unknown = {mark.lstrip("?!") for mark in marks} - CONTENTS
        if unknown:
            raise ValueError(f"lexicon.tsv: {sorted(unknown)} are no contents; known are {sorted(CONTENTS)}")
        return cls(
            kind=kind,
            contains=frozenset(mark for mark in marks if mark[0] not in "?!"),
            doubts=frozenset(mark[1:] for mark in marks if mark[0] == "?"),
            absent=frozenset(mark[1:] for mark in marks if mark[0] == "!"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Phrases by their stems. `words` keeps, per kind, how the lexicon spells each phrase."""

    phrases: dict[tuple[str, ...], Entry]
    words: dict[str, tuple[str, ...]]
    # The lengths of the phrases that begin with a stem, longest first: most words begin one or none.
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Self:
        """Read the packaged lexicon; raises ValueError naming a row that contradicts another one."""
        text = resources.files("mlops.dietary").joinpath("lexicon.tsv").read_text(encoding="utf-8")
        return cls.parse(text.splitlines())

    @classmethod
    def parse(cls, rows: Iterable[str]) -> Self:
        """Build from rows of contents, kind, phrases."""
        phrases: dict[tuple[str, ...], Entry] = {}
        words: dict[str, list[str]] = {}
        for phrase, entry in _entries(rows):
            key = stems(phrase)
            known = phrases.setdefault(key, entry)
            if (known.contains, known.doubts, known.absent) != (entry.contains, entry.doubts, entry.absent):
                raise ValueError(f"lexicon.tsv gives {phrase!r} two meanings: {known} and {entry}")
            words.setdefault(entry.kind, []).append(phrase)
        lengths: dict[str, set[int]] = {}
        for key in phrases:
            lengths.setdefault(key[0], set()).add(len(key))
        return cls(
            phrases=phrases,
            words={kind: tuple(spelt) for kind, spelt in words.items()},
            lengths={first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()},
        )

    def longest(self, tokens: Sequence[str], at: int) -> tuple[Entry, int] | None:
        """Return the meaning of the longest phrase that starts at `tokens[at]`, and how many tokens it takes."""
        for length in self.lengths.get(tokens[at], ()):
            entry = self.phrases.get(tuple(tokens[at : at + length]))
            if entry is not None:
                return entry, length
        return None

    def __contains__(self, phrase: str) -> bool:
        """Say whether `phrase` as a whole is a food the lexicon knows."""
        entry = self.phrases.get(stems(phrase))
        return entry is not None and entry.kind != QUALIFIER


def _entries(rows: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    """Every phrase with its meaning; `a|b c` stands for `a c` and `b c`."""
    body = [row for row in rows if row.strip() and not row.startswith("#")]
    for row in body[1:]:
        contents, kind, listed = row.split("\t")
        entry = Entry.parse(contents, kind)
        for pattern in listed.split(", "):
            for choice in product(*(word.split("|") for word in pattern.split())):
                yield " ".join(choice), entry
