"""Kitchen Spanish and kitchen English, phrase by phrase: the shipped list, and what a corpus' own titles teach.

A glossary is data, versioned with the artefact that it was learnt for. It knows no grammar: agreement and word order
are the business of `mlops.translation.phrasebook`. Matching ignores case and, where nothing else fits, accents, so that
"melocoton" and the old spellings "á la" and "ó" are found.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from mlops.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlops.recommendation import Language

Kind = Literal["ingredient", "technique", "unit", "dish", "diet", "state", "phrase", "other", "corpus", "learnt"]
KINDS: frozenset[Kind] = frozenset(get_args(Kind))
# A corpus may rename things; what its statistics say of "a", "la" or "lo" is noise.
_RENAMED: frozenset[Kind] = frozenset({"ingredient", "dish", "state"})
_LEARNT: frozenset[Kind] = frozenset({"corpus", "learnt"})
HEADER = "es\ten\tkind"
SHIPPED = "glossary_es_en.tsv"
WRITING = "recipe_spanish.tsv"

_WORD = re.compile(r"[^\W_]+")
# What may stand between two words of one phrase: a comma ends the phrase, a hyphen does not.
_JOINT = re.compile(r"[\s'\u2019-]{1,3}")
_INFINITIVE = re.compile(r"^\w+[aeií]r(?:se)?\b")

Key = tuple[str, ...]


class Entry(NamedTuple):
    """One pair of phrases that mean the same in a kitchen. There are ten thousand, and a tuple is made in no time."""

    es: str
    en: str
    kind: Kind

    def side(self, language: Language) -> str:
        """The phrase in `language`."""
        return self.es if language == "es" else self.en


class Span(NamedTuple):
    """Where an entry was found: `text[start:end]`."""

    start: int
    end: int
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A text with its known phrases replaced; `known` of its `words` words were covered."""

    text: str
    known: int
    words: int


def fold(text: str) -> str:
    """Lower case without accents; ñ becomes n, as on the keyboards of many who type it."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words_of(text: str) -> Key:
    """The words of `text` in lower case, accents kept and composed."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return tuple(_WORD.findall(composed.lower()))


@dataclass(frozen=True)  # no slots: the two indexes are cached on the instance
class Glossary:
    """An ordered set of entries. Of two that claim the same phrase the earlier wins."""

    entries: tuple[Entry, ...]

    @classmethod
    def shipped(cls) -> Glossary:
        """The list that comes with the package."""
        return cls.from_tsv((files(__package__) / SHIPPED).read_text(encoding="utf-8"), origin=SHIPPED)

    @classmethod
    def writing(cls) -> Glossary:
        """What to write in a Spanish recipe, where the shipped list offers many words or none. Reads English only."""
        return cls.from_tsv((files(__package__) / WRITING).read_text(encoding="utf-8"), origin=WRITING)

    @classmethod
    def load(cls, path: Path) -> Glossary:
        """Read a TSV file. Raises NotFound, or Invalid with the line at fault."""
        try:
            return cls.from_tsv(path.read_text(encoding="utf-8"), origin=str(path))
        except OSError as error:
            raise NotFound(f"glossary {path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise Invalid(f"glossary {path} is not UTF-8: {error.reason} at byte {error.start}") from error

    @classmethod
    def from_tsv(cls, text: str, *, origin: str = "text") -> Glossary:
        """Parse what `to_tsv` writes. Raises Invalid with `origin` and the line at fault."""
        lines = text.split("\n")
        if lines[0].rstrip("\r") != HEADER:
            raise Invalid(f"{origin} line 1: {lines[0][:60]!r} is not the header {HEADER!r}")
        rows = ((number, line.rstrip("\r")) for number, line in enumerate(lines[1:], start=2))
        return cls(tuple(_parse(origin, number, line) for number, line in rows if line))

    def to_tsv(self) -> str:
        """Header and one line per entry, in order."""
        return "\n".join([HEADER, *(f"{entry.es}\t{entry.en}\t{entry.kind}" for entry in self.entries)]) + "\n"

    def save(self, path: Path) -> None:
        """Write `to_tsv` to a file."""
        path.write_text(self.to_tsv(), encoding="utf-8", newline="\n")

    def merged(self, other: Glossary) -> Glossary:
        """Both lists. Where they disagree this one is right, save on things that `other` learnt for certain."""
        renamed = tuple(
            entry
            for entry in other.entries
            if entry.kind == "corpus" and self.find(entry.es, "es", _RENAMED) == self.find(entry.es, "es") is not None
        )
        return Glossary(tuple(dict.fromkeys((*renamed, *self.entries, *other.entries))))

    def indexed(self, language: Language) -> Glossary:
        """Build the index for `language` now (0.1 s), so that no request waits for it; returns this glossary."""
        self.match("", language)
        return self

    def find(self, phrase: str, language: Language, kinds: frozenset[Kind] = KINDS) -> Entry | None:
        """The entry whose side in `language` is exactly `phrase`, by case and accents first, else without accents."""
        return self._at(words_of(phrase), language, kinds)

    def match(self, text: str, language: Language, kinds: frozenset[Kind] = KINDS) -> tuple[Span, ...]:
        """The known phrases of `text` (composed, NFC) from left to right, longest first, never overlapping."""
        found = list(_WORD.finditer(text))
        words = tuple([word[0].lower() for word in found])
        starts = self._starts_es if language == "es" else self._starts_en
        spans = []
        free = 0
        for place, word in enumerate(words):
            longest = starts.get(fold(word), 0)
            if place < free or not longest:
                continue
            for end in range(_reach(text, found, place, longest), place, -1):
                entry = self._at(words[place:end], language, kinds)
                if entry is not None:
                    spans.append(Span(start=found[place].start(), end=found[end - 1].end(), entry=entry))
                    free = end
                    break
        return tuple(spans)

    def replace(self, text: str, source: Language, target: Language, kinds: frozenset[Kind] = KINDS) -> Replaced:
        """Put every known phrase of `text` into `target`; other words stay as and where they are."""
        text = unicodedata.normalize("NFC", text)
        pieces, last, known = [], 0, 0
        for span in self.match(text, source, kinds):
            pieces += [text[last : span.start], span.entry.side(target)]
            last = span.end
            known += len(_WORD.findall(text[span.start : span.end]))
        return Replaced(text="".join([*pieces, text[last:]]), known=known, words=len(_WORD.findall(text)))

    def words(self, language: Language) -> frozenset[str]:
        """Every single word, folded, that occurs in a phrase of `language`."""
        return frozenset(fold(word) for entry in self.entries for word in words_of(entry.side(language)))

    def _at(self, key: Key, language: Language, kinds: frozenset[Kind]) -> Entry | None:
        index = self._spanish if language == "es" else self._english
        for entry in index.get(key) or (() if "".join(key).isascii() else index.get(_folded(key), ())):
            if entry.kind in kinds:
                return entry
        return None

    @cached_property
    def _spanish(self) -> Mapping[Key, tuple[Entry, ...]]:
        return _index(self.entries, "es")

    @cached_property
    def _english(self) -> Mapping[Key, tuple[Entry, ...]]:
        return _index(sorted(self.entries, key=_late_in_spanish), "en")

    @cached_property
    def _starts_es(self) -> Mapping[str, int]:
        return _longest_by_first_word(self._spanish)

    @cached_property
    def _starts_en(self) -> Mapping[str, int]:
        return _longest_by_first_word(self._english)


def _parse(origin: str, number: int, line: str) -> Entry:
    cells = line.split("\t")
    if len(cells) != 3:  # noqa: PLR2004 - the header names three
        raise Invalid(f"{origin} line {number}: {len(cells)} cells, 3 expected")
    es, en, kind = map(str.strip, cells)
    if kind not in KINDS:
        raise Invalid(f"{origin} line {number}: kind {kind!r} is none of {', '.join(sorted(KINDS))}")
    if not _WORD.search(es) or not _WORD.search(en):
        raise Invalid(f"{origin} line {number}: a side without a word: {es!r}, {en!r}")
    return Entry(es=es, en=en, kind=kind)


def _late_in_spanish(entry: Entry) -> int:
    """How unfit an entry is for writing Spanish.

    Many Spanish forms share one English verb, and the infinitive is the style of a recipe; what was learnt reads
    Spanish well but holds every inflected form of a word.
    """
    if entry.kind in _LEARNT:
        return 2
    return int(entry.kind == "technique" and not _INFINITIVE.match(entry.es))


def _reach(text: str, found: list[re.Match[str]], place: int, longest: int) -> int:
    """Before which word a phrase that begins at `place` must end: it has at most `longest` words."""
    last = min(place + longest, len(found))
    for end in range(place + 1, last):
        if not _JOINT.fullmatch(text, found[end - 1].end(), found[end].start()):
            return end
    return last


def _folded(key: Key) -> Key:
    return tuple(fold(word) for word in key)


def _index(entries: Iterable[Entry], language: Language) -> Mapping[Key, tuple[Entry, ...]]:
    """Entries by exact spelling and, after all exact ones, by folded spelling."""
    exact: dict[Key, list[Entry]] = {}
    loose: dict[Key, list[Entry]] = {}
    for entry in entries:
        phrase = entry.side(language)
        key = words_of(phrase)
        exact.setdefault(key, []).append(entry)
        if not phrase.isascii() and (folded := _folded(key)) != key:
            loose.setdefault(folded, []).append(entry)
    for key, found in loose.items():
        exact.setdefault(key, []).extend(found)
    return {key: tuple(found) for key, found in exact.items()}


def _longest_by_first_word(index: Mapping[Key, tuple[Entry, ...]]) -> Mapping[str, int]:
    longest: dict[str, int] = {}
    for key in index:
        first = fold(key[0])
        longest[first] = max(longest.get(first, 1), len(key))
    return longest
