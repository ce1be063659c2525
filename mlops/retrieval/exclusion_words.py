"""The words that may follow a "without", and what each leaves out: `exclusion_words.tsv` and the dietary lexicon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Self, cast, get_args

from mlops.dietary.lexicon import GLUE, QUALIFIER, Lexicon, stems
from mlops.recipe import ALLERGENS, Allergen, Diet
from mlops.recommendation import Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LANGUAGES: tuple[Language, ...] = get_args(Language)
_LONGEST = 5
_ALLERGENS = frozenset(ALLERGENS)
# Lexicon rows that are no ingredient somebody could leave out.
_NO_INGREDIENT = frozenset({GLUE, QUALIFIER, "other", "water"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """What one food word leaves out.

    `related` are the allergens that the food belongs to or contains: an allergy to salmon is one to fish, while a
    salad without salmon may have tuna. `dish` says that the word names a dish as well ("pancakes").
    """

    allergens: frozenset[Allergen] = frozenset()
    words: frozenset[str] = frozenset()
    diets: frozenset[Diet] = frozenset()
    related: frozenset[Allergen] = frozenset()
    dish: bool = False

    @property
    def empty(self) -> bool:
        """True for words that look like foods and are none: an oven, a fuss."""
        return not self.allergens and not self.words and not self.diets


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionWords:
    """Exclusions by language and stems."""

    phrases: dict[Language, dict[tuple[str, ...], Exclusion]]

    @classmethod
    def parse(cls, rows: Iterable[str], lexicon: Lexicon) -> Self:
        """Build from rows of what is left out, English, Spanish; the lexicon adds its foods to the English ones.

        Raises ValueError naming a word that two rows understand differently.
        """
        given: dict[Language, dict[tuple[str, ...], Exclusion]] = {language: {} for language in LANGUAGES}
        body = [row for row in rows if row.strip() and not row.startswith("#")]
        for row in body[1:]:
            marks, english, spanish = row.split("\t")
            exclusion = _exclusion(marks, lexicon)
            forms: dict[Language, list[str]] = {
                "en": english.split(", "),
                "es": [form for phrase in spanish.split(", ") for form in (phrase, _spanish_plural(phrase))],
            }
            for language, phrase in ((language, phrase) for language, listed in forms.items() for phrase in listed):
                key = stems(phrase)
                if key and given[language].setdefault(key, exclusion) != exclusion:
                    raise ValueError(f"exclusion_words.tsv gives {phrase!r} ({language}) two meanings")
        return cls(phrases={**given, "en": dict(_foods(lexicon)) | given["en"]})

    def longest(self, keys: Sequence[str], at: int, language: Language) -> tuple[Exclusion, int] | None:
        """Return what the longest known phrase at `keys[at]` leaves out, and its length in words.

        A word of the other language counts where it names a whole class of allergens ("no huevo", "sin gluten").
        """
        for size in range(min(_LONGEST, len(keys) - at), 0, -1):
            key = tuple(keys[at : at + size])
            found = [self.phrases[spoken].get(key) for spoken in sorted(LANGUAGES, key=lambda one: one != language)]
            for exclusion in (*(one for one in found if one and one.allergens), found[0]):
                if exclusion is not None:
                    return exclusion, size
        return None

    def named(self, word: str) -> Exclusion | None:
        """Return what one English word leaves out."""
        return self.phrases["en"].get(stems(word))

    def ending(self, keys: Sequence[str], end: int) -> tuple[Exclusion, int] | None:
        """Return what the longest English phrase that ends before `keys[end]` leaves out, and its length in words."""
        for size in range(min(_LONGEST, end), 0, -1):
            found = self.phrases["en"].get(tuple(keys[end - size : end]))
            if found is not None:
                return found, size
        return None


@cache
def exclusion_words() -> ExclusionWords:
    """Read the packaged words, once per process."""
    text = resources.files("mlops.retrieval").joinpath("exclusion_words.tsv").read_text(encoding="utf-8")
    return ExclusionWords.parse(text.splitlines(), Lexicon.load())


def _spanish_plural(phrase: str) -> str:
    """Every word of `phrase` in the plural, but for what follows a "de": limones, quesos azules, leches de soja."""
    named, of, what = phrase.partition(" de ")
    plural = (
        word + "s" if word[-1:] in "aeiou" else word[:-1] + "ces" if word.endswith("z") else word + "es"
        for word in named.split()
    )
    return " ".join(plural) + of + what


def _foods(lexicon: Lexicon) -> Iterator[tuple[tuple[str, ...], Exclusion]]:
    """The foods of the lexicon, each leaving out just itself."""
    for kind, listed in lexicon.words.items():
        if kind in _NO_INGREDIENT:
            continue
        for word in listed:
            key = stems(word)
            related = cast("frozenset[Allergen]", lexicon.phrases[key].contains & _ALLERGENS)
            yield key, Exclusion(words=frozenset({word}), related=related, dish=kind in {"dish", "pasta"})


def _exclusion(marks: str, lexicon: Lexicon) -> Exclusion:
    """Read the first column of a row."""
    left_out = [] if marks == "-" else marks.split(",")
    words = frozenset(mark[1:] for mark in left_out if mark.startswith("+"))
    allergens = frozenset(mark for mark in left_out if mark[0] not in "+@")
    if allergens - _ALLERGENS:
        raise ValueError(f"exclusion_words.tsv: {sorted(allergens - _ALLERGENS)} are no allergens")
    entries = [lexicon.phrases.get(stems(word)) for word in words]
    related = frozenset[str]().union(*(entry.contains & _ALLERGENS for entry in entries if entry is not None))
    return Exclusion(
        allergens=cast("frozenset[Allergen]", allergens),
        words=words,
        diets=cast("frozenset[Diet]", frozenset(mark[1:] for mark in left_out if mark.startswith("@"))),
        related=cast("frozenset[Allergen]", related | allergens),
    )
