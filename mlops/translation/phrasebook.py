"""Whole noun phrases from the glossary: "2 large ripe tomatoes" needs order and agreement, not only words.

Pure but for a bounded memo. Answers None for anything it does not know for certain; the translator then has its try.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mlops.translation.agreement import Form, agreeing, form_of, pluralised, with_article
from mlops.translation.units import UNIT_WORDS

if TYPE_CHECKING:
    from mlops.translation.glossary import Glossary, Kind

NOUNS: frozenset[Kind] = frozenset({"ingredient", "dish", "other"})
FOODS: frozenset[Kind] = frozenset({"ingredient", "dish"})
STATES: frozenset[Kind] = frozenset({"state", "diet"})
VERBS: frozenset[Kind] = frozenset({"technique"})
REMEMBERED = 1 << 16
LONGEST_STATE = 4
LONGEST_VERB = 5

# In the glossary's "other" kind, and yet no nouns.
_NO_NOUNS = frozenset(
    """
    a an the of with without and or in on at to from by for as into over under then when until while if it them its
    all each every both other another more less very well not no new own same this that these those here there
    """.split()
)
_DETERMINER = re.compile(r"(the|your|this|these|a|an|some|any|all the|half the|the rest of the|the remaining)\s+(.+)")
_BEFORE = {
    "all the": "todo",
    "half the": "la mitad de",
    "the rest of the": "el resto de",
    "the remaining": "el resto de",
}
_ADVERB = re.compile(
    r"(?:very )?(finely|coarsely|thinly|roughly|lightly|freshly|well|very|thickly|just|slightly)\s+(\w+)$"
)
_ADVERBS = {
    "finely": "finamente", "coarsely": "groseramente", "thinly": "finamente", "roughly": "toscamente",
    "lightly": "ligeramente", "freshly": "recién", "well": "bien", "very": "muy", "thickly": "gruesamente",
    "just": "apenas", "slightly": "ligeramente",
}  # fmt: skip
# "Finely chopped" has a dozen translations in the glossary; the plain one agrees and is understood everywhere.
_PLAIN = frozenset({"finely", "coarsely", "roughly"})
_FRONTED = frozenset({"recién", "bien", "muy", "apenas", "ligeramente"})
# Words of the rules below, which no phrase of the glossary may need.
_OWN_WORDS = frozenset(
    "the your this these a an some any all half rest of remaining cut in into cm until it is are".split()
)
_SHAPES = {
    "piece": "trozos", "slice": "rodajas", "cube": "cubos", "chunk": "trozos grandes", "wedge": "gajos",
    "strip": "tiras", "ring": "aros", "matchstick": "bastoncitos", "baton": "bastones", "floret": "ramilletes",
    "ribbon": "tiras finas",
    "round": "rodajas", "dice": "dados", "half": "mitades", "halve": "mitades", "quarter": "cuartos",
    "sliver": "láminas", "segment": "gajos", "stick": "bastones", "square": "cuadrados", "disc": "discos",
    "length": "trozos",
}  # fmt: skip
_SHAPE = re.compile(
    r"(?:(?:cut|sliced|chopped|broken|torn|divided) )?(?:in|into) "
    r"(?:(thin|thick|large|small|long|fine|bite-sized) )?"
    r"(?:(\d+(?:[.,-]\d+)?)[ -]?cm[ -])?(?:(thin|thick|large|small|long|fine) )?"
    rf"({'|'.join(_SHAPES)})s?"
)
_INFINITIVE = re.compile(r"^\w+[aeií]r\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A command at the start of a text: its infinitive, how many characters it takes, and whether it is a food too."""

    spanish: str
    length: int
    noun: bool


class Phrasebook:
    """English phrases of a kitchen in Spanish, as far as `glossary` reaches."""

    def __init__(self, glossary: Glossary) -> None:
        self.glossary = glossary
        self.vocabulary = glossary.words("en") | _OWN_WORDS | UNIT_WORDS
        # Bound to the instance, so that two phrasebooks never share answers and die with their glossary.
        self.noun = lru_cache(maxsize=REMEMBERED)(self._noun)
        self.state = lru_cache(maxsize=REMEMBERED)(self._state)

    def verb(self, text: str) -> Verb | None:
        """The verb phrase that `text` opens with, if the glossary has it: "bring to a boil", "mix"."""
        words = list(re.finditer(r"[^\W_]+(?:['\u2019-][^\W_]+)*", text[:80]))
        for length in range(min(LONGEST_VERB, len(words)), 0, -1):
            end = words[length - 1].end()
            phrase = text[words[0].start() : end].lower()
            if words[0].start() or any(mark in phrase for mark in ",;:()"):
                continue
            entry = self.glossary.find(phrase, "en", VERBS)
            if entry is not None and _INFINITIVE.match(entry.es):
                return Verb(spanish=entry.es, length=end, noun=self.glossary.find(phrase, "en", FOODS) is not None)
        return None

    def shape(self, phrase: str) -> str | None:
        """The cut that a phrase names: "in 4 cm pieces" is "en trozos de 4 cm"."""
        found = _SHAPE.fullmatch(phrase)
        if found is None:
            return None
        before, size, after, shape = found.groups()
        spanish = _SHAPES[shape]
        adjective = self.state(before or after) if before or after else None
        if adjective:
            spanish = f"{spanish} {agreeing(adjective, form_of(spanish))}"
        return f"en {spanish} de {size.replace('.', ',')} cm" if size else f"en {spanish}"

    def _noun(self, phrase: str) -> str | None:
        """Spanish for an English noun phrase in lower case, with the article it has."""
        if phrase in _NO_NOUNS:
            return None
        found = self.glossary.find(phrase, "en", FOODS) or self.glossary.find(phrase, "en", NOUNS)
        if found is not None:
            return found.es
        determined = _DETERMINER.fullmatch(phrase)
        if determined:
            return self._determined(*determined.groups())
        return self._modified(phrase) or self._plural(phrase) or self._compound(phrase) or self._of(phrase)

    def _determined(self, determiner: str, rest: str) -> str | None:
        noun = self.noun(rest)
        if noun is None:
            return None
        if determiner in ("some", "any"):
            return noun
        if determiner in ("a", "an"):
            return with_article(noun, definite=False)
        if determiner == "all the":
            return f"{agreeing('todo', form_of(noun))} {with_article(noun, definite=True)}"
        if before := _BEFORE.get(determiner):
            return f"{before.removesuffix(' de')} {with_article(noun, definite=True, after='de')}"
        return with_article(noun, definite=True)

    def _modified(self, phrase: str) -> str | None:
        """States before a noun go behind it and agree: "finely chopped onion", "large ripe tomatoes"."""
        words = phrase.split(" ")
        for length in range(min(LONGEST_STATE, len(words) - 1), 0, -1):
            state = self.state(" ".join(words[:length]))
            if state is None:
                continue
            noun = self.noun(" ".join(words[length:]))
            if noun is not None:
                return f"{noun} {agreeing(state, form_of(noun))}"
        return None

    def _plural(self, phrase: str) -> str | None:
        for ending, singular in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
            if phrase.endswith(ending):
                found = self.glossary.find(phrase.removesuffix(ending) + singular, "en", NOUNS)
                if found is not None:
                    head, *rest = found.es.split(" ")
                    return " ".join([pluralised(head), *rest])
        return None

    def _compound(self, phrase: str) -> str | None:
        """Noun before noun: "almond flour" is "harina de almendra"."""
        words = phrase.split(" ")
        for cut in range(1, len(words)):
            first, last = " ".join(words[:cut]), " ".join(words[cut:])
            head = self.glossary.find(last, "en", FOODS)
            if head is None or first in _NO_NOUNS:
                continue
            modifier = self.glossary.find(first, "en", FOODS)
            if modifier is not None:
                return f"{head.es} de {modifier.es}"
        return None

    def _of(self, phrase: str) -> str | None:
        first, of, last = phrase.partition(" of ")
        if not of:
            return None
        head, whole = self.noun(first), self.noun(last)
        if head is None or whole is None:
            return None
        return f"{head} del {whole.removeprefix('el ')}" if whole.startswith("el ") else f"{head} de {whole}"

    def _state(self, phrase: str) -> str | None:
        """Spanish for a state, masculine and singular: "finely chopped" is "picado finamente"."""
        shaped = self.shape(phrase)
        parts = _ADVERB.fullmatch(phrase)
        found = None if parts and parts[1] in _PLAIN else self.glossary.find(phrase, "en", STATES)
        if shaped is not None:
            return shaped
        if found is not None:
            return agreeing(found.es, Form(feminine=False, plural=False))
        if parts is None:
            return None
        adjective = self.state(parts[2])
        if adjective is None:
            return None
        adverb = _ADVERBS[parts[1]]
        return f"{adverb} {adjective}" if adverb in _FRONTED else f"{adjective} {adverb}"
