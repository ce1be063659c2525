"""The foods listed after a "without" or before a "-free", as far as the list reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlops.dietary.lexicon import fold, stems
from mlops.retrieval.exclusion_words import Exclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.recommendation import Language
    from mlops.retrieval.exclusion_words import ExclusionWords
    from mlops.retrieval.query_text import QueryText

_FILLERS: dict[Language, frozenset[str]] = {
    "en": frozenset(
        "any the a an some added extra raw fresh all of my our your real actual plain regular normal type types kind"
        " kinds form forms pure more other".split()
    ),
    "es": frozenset(
        "ningun ninguna el la los las un una unos unas de del tipo algo al a otro otra otros otras".split()
    ),
}
_CONJUNCTIONS = frozenset("and or nor y e o u ni neither".split())
_SPREADING = frozenset("or nor ni".split())  # after these whatever follows is still left out
_AGAIN = frozenset("no without sin any not tampoco".split())
_FUNCTION_WORDS = _CONJUNCTIONS | frozenset(
    """with for in on at to that which but please recipe recipes dish dishes from made using under than less i we my is
    are as if so then also because what con para en por que pero al favor receta recetas hecho hecha usando sin
    no""".split()
)
# "Without frying", "sin freír": a way of cooking, not a food.
_VERBAL: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"\w+ing"),
    "es": re.compile(r"\w+[aei]r(?:se|me|lo|la|los|las|le)?"),
}
_MOST_MODIFIERS = 2
_MOST_UNKNOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FoodList:
    """The foods of one list, and the characters from `start` up to `end` that it takes; empty where there is none."""

    foods: tuple[Exclusion, ...]
    start: int
    end: int


class FoodLists:
    """Reads lists of foods in one query."""

    def __init__(self, query: QueryText, words: ExclusionWords, to_english: Callable[[str], str] | None) -> None:
        self._query = query
        self._words = words
        self._to_english = to_english

    @cached_property
    def _keys(self) -> list[str]:
        return [word.key for word in self._query.words]

    def after(self, place: int, language: Language, *, certain: bool) -> FoodList:
        """Read the list that begins at character `place`.

        Where only a food can follow (`certain`), words we do not know count as one. Tools and the like are passed over:
        of "sin horno ni huevo" the list is "ni huevo".
        """
        first = self._query.word_at(place)
        start = end = place
        found: list[Exclusion] = []
        item = self._first(first, language, certain=certain) if self._query.adjoins(place, first) else None
        while item is not None:
            exclusion, after = item
            end = self._query.words[after - 1].end
            if not exclusion.empty:
                found.append(exclusion)
            elif not found:
                start = end
            item = self._further(after, language)
        return FoodList(foods=tuple(found), start=start, end=end)

    def before(self, place: int, *, allergy: bool) -> FoodList:
        """Read the list that ends at character `place`."""
        end = self._query.word_at(place)
        # "Egg and dairy free" is one list, "bacon, eggs and dairy-free pancakes" is not.
        closed = allergy or self._over(end + 1)
        found: list[Exclusion] = []
        start = place
        while end > 0 and (named := self._words.ending(self._keys, end)) is not None:
            exclusion, size = named
            shared = closed or not self._query.words[end - 1].folded.endswith("s")
            if exclusion.empty or not self._whole(end - size, end) or (found and not (exclusion.allergens and shared)):
                break
            found.append(exclusion)
            start = self._query.words[end - size].start
            end = self._list_goes_on_before(end - size)
        return FoodList(foods=tuple(found), start=start, end=place)

    def _first(self, at: int, language: Language, *, certain: bool) -> tuple[Exclusion, int] | None:
        item = self._known(at, language)
        return item if item or not certain else self._modified(at, language) or self._unknown(at, language)

    def _known(self, at: int, language: Language) -> tuple[Exclusion, int] | None:
        """The food at word `at`, over articles and the like, and the word after it."""
        for index in range(at, len(self._keys)):
            if index > at and self._query.gap(index) != "joined":
                return None
            named = self._words.longest(self._keys, index, language)
            if named is not None and self._whole(index, index + named[1]):
                return named[0], index + named[1]
            if self._query.words[index].folded not in _FILLERS[language]:
                return None
        return None

    def _modified(self, at: int, language: Language) -> tuple[Exclusion, int] | None:
        """The English food after one or two words that describe it: "caramelised onions"."""
        if language != "en":
            return None
        for index in range(at, min(at + _MOST_MODIFIERS, len(self._keys) - 1)):
            word = self._query.words[index].folded
            if word in _FUNCTION_WORDS or _VERBAL["en"].fullmatch(word) or self._query.gap(index + 1) != "joined":
                return None
            named = self._words.longest(self._keys, index + 1, "en")
            if named is not None:
                return None if named[0].empty else (named[0], index + 1 + named[1])
        return None

    def _unknown(self, at: int, language: Language) -> tuple[Exclusion, int] | None:
        """A food that we have no word for: up to three words, as far as the next function word."""
        words = self._query.words
        while at < len(words) and words[at].folded in _FILLERS[language]:
            at += 1
        end = at
        while end - at <= _MOST_UNKNOWN and self._nameable(end, language) and (end == at or not self._over(end)):
            end += 1
        end = end if end - at <= _MOST_UNKNOWN else at + 1
        if end == at or _VERBAL[language].fullmatch(words[at].folded):
            return None
        said = self._query.text[words[at].start : words[end - 1].end].lower()
        if language == "es" and self._to_english is not None:
            said = self._to_english(said)
            named = self._words.longest(stems(said), 0, "en")
            if named is not None:
                return named[0], end
        name = " ".join(fold(said).split())
        return (Exclusion(words=frozenset({name})), end) if name else None

    def _nameable(self, index: int, language: Language) -> bool:
        if (
            index == len(self._keys)
            or not (word := self._query.words[index].folded).isalpha()
            or word in _FUNCTION_WORDS
        ):
            return False
        named = self._words.longest(self._keys, index, language)
        return named is None or not named[0].empty

    def _further(self, end: int, language: Language) -> tuple[Exclusion, int] | None:
        """The next food of a list whose last one ended before word `end`; None where the list is over."""
        at, spreading = self._list_goes_on_after(end)
        if at is None:
            return None
        item = self._known(at, language)
        if item is None:
            unknown = self._unknown(at, language) if spreading else None
            return unknown if unknown is not None and self._over(unknown[1]) else None
        exclusion, after = item
        if self._over(after) and not (exclusion.dish and not spreading and self._query.gap(at) == "comma"):
            return item
        # "Ni leche entera", "or milk pancakes": a class of allergens is worth a result too few.
        return item if exclusion.allergens and (spreading or language == "es") else None

    def _list_goes_on_after(self, end: int) -> tuple[int | None, bool]:
        """The word at which a list continues, and whether by a word that keeps leaving out."""
        words, at, spreading = self._query.words, end, False
        if self._query.gap(end) == "break":
            return None, False
        goes_on = self._query.gap(end) != "joined"
        while at < len(words) and words[at].folded in _CONJUNCTIONS:
            goes_on, spreading, at = True, spreading or words[at].folded in _SPREADING, at + 1
        while goes_on and at < len(words) and words[at].folded in _AGAIN:
            at += 1
        return (at, spreading) if goes_on and at < len(words) else (None, False)

    def _list_goes_on_before(self, start: int) -> int:
        """The word after the food that a list names before word `start`; 0 where it names none."""
        goes_on = self._query.gap(start) in {"comma", "conjunction"}
        while start > 0 and self._query.words[start - 1].folded in _CONJUNCTIONS:
            goes_on, start = True, start - 1
        return start if goes_on else 0

    def _over(self, end: int) -> bool:
        """True where the words of a food end and something else begins."""
        return self._query.gap(end) != "joined" or self._query.words[end].folded in _FUNCTION_WORDS

    def _whole(self, start: int, end: int) -> bool:
        """True where no mark parts the words from `start` up to `end`."""
        return all(self._query.gap(index) == "joined" for index in range(start + 1, end))
