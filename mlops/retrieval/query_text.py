"""A query as words with places, so that what has been understood can be cut out of what is searched for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlops.dietary.lexicon import stem

if TYPE_CHECKING:
    from collections.abc import Iterable

Gap = Literal["joined", "comma", "conjunction", "break"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_POSSESSIVE = re.compile(r"'s$|'")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'"})  # noqa: RUF001 - what keyboards and phones send
# Words that hang loose at either end once a constraint is cut out.
_LOOSE = (
    r"(?:and|or|but|with|also|please|that (?:is|are)|which (?:is|are)|y|e|o|u|pero|con|ni|ademas|además|por favor"
    r"|que sean?|que (?:es|son))"
)
_LOOSE_START = re.compile(rf"^(?:[\s,;:/&+.\-]|{_LOOSE}(?=[\s,;:]|$))+", re.IGNORECASE)
_LOOSE_END = re.compile(rf"(?:[\s,;:/&+\-]|(?<=[\s,;:]){_LOOSE})+$", re.IGNORECASE)
# What may be left of "I have 30 minutes": an opening with nothing to say.
_ONLY_AN_OPENING = re.compile(
    r"(?:(?:i|we) (?:only )?have(?: got)?|(?:solo )?(?:tengo|tenemos))[\s.!?]*", re.IGNORECASE
)
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]")
_REPEATED_COMMAS = re.compile(r"(?:\s*,){2,}|\s+(?=[,.;:!?])")


class Span(NamedTuple):
    """Characters `start` up to `end` of a query."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word: where it stands, folded, and its stem."""

    start: int
    end: int
    folded: str
    key: str


class QueryText:
    """The text, and a folded form of the same length in which understood spans read as `|`."""

    def __init__(self, text: str, taken: Iterable[Span] = ()) -> None:
        self.text = unicodedata.normalize("NFC", text)
        self.taken = tuple(taken)
        self.folded = _folded(self.text)
        for start, end in self.taken:
            self.folded = self.folded[:start] + "|" * (end - start) + self.folded[end:]

    def less(self, taken: Iterable[Span]) -> QueryText:
        """The same query with more of it understood."""
        more = tuple(taken)
        return QueryText(self.text, (*self.taken, *more)) if more else self

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words that are not yet understood, in order."""
        found = (match for match in _WORD.finditer(self.folded))
        return tuple(Word(match.start(), match.end(), match[0], stem(_POSSESSIVE.sub("", match[0]))) for match in found)

    def word_at(self, place: int) -> int:
        """Return the index of the first word that starts at or after character `place`."""
        low, high = 0, len(self.words)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.words[middle].start < place else (low, middle)
        return low

    def gap(self, index: int) -> Gap:
        """Return what stands before the word at `index`; before the first word and after the last is a break."""
        if not 0 < index < len(self.words):
            return "break"
        return gap_of(self.folded[self.words[index - 1].end : self.words[index].start])

    def adjoins(self, place: int, index: int) -> bool:
        """Say whether the word at `index` follows character `place` with no mark between them."""
        return index < len(self.words) and gap_of(self.folded[place : self.words[index].start]) == "joined"

    def rest(self) -> str:
        """The text without what was understood, tidied; empty when nothing but connecting words is left."""
        if not self.taken:
            return self.text
        kept = list(self.text)
        for start, end in self.taken:
            kept[start:end] = " " * (end - start)
        tidy = _REPEATED_COMMAS.sub(_one_mark, " ".join("".join(kept).split()))
        tidy = _LOOSE_END.sub("", _LOOSE_START.sub("", _EMPTY_BRACKETS.sub("", tidy))).strip()
        return tidy if _WORD.search(tidy) and not _ONLY_AN_OPENING.fullmatch(tidy) else ""


def gap_of(between: str) -> Gap:
    """Name what the characters between two words mean."""
    marks = between.strip()
    if marks in {"", "-", "'", '"'}:
        return "joined"
    if marks in {",", "-,"}:
        return "comma"
    return "conjunction" if marks in {"/", "&", "+"} else "break"


def _one_mark(found: re.Match[str]) -> str:
    return "," if "," in found[0] else ""


def _folded(text: str) -> str:
    """Every character as `_fold` makes it; at once where all are ASCII, as of most queries."""
    return text.replace("`", "'").lower() if text.isascii() else "".join(map(_fold, text))


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    """One character without case and accent; never more and never less than one, so that places stay."""
    base = unicodedata.normalize("NFD", char.translate(_APOSTROPHES))[0]
    return base.lower()[0]
