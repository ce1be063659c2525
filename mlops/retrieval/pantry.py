"""What somebody has at home and wants to cook from: "I have eggs, ham and peaches, plums or pears", "tengo …"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mlops.dietary.lexicon import GLUE, QUALIFIER, Lexicon, stems
from mlops.retrieval.exclusion_words import exclusion_words
from mlops.retrieval.query_text import QueryText, Span

if TYPE_CHECKING:
    from mlops.recommendation import Language

# "I have A, B or C": how many alternatives a list of like things has at most.
MOST_LIKE_ALTERNATIVES = 3

_MAKE = "(?:cook|make|do|prepare|bake)"
_EN = (
    r"(?:all )?(?:i|we)(?:'ve got| have got| have| only have| just have| got)(?: is| only| just| some)?",
    rf"(?:what|something|anything)(?: (?:can|could|should|to|do|i|we|you))* {_MAKE}(?: for \w+)? (?:with|using|from)",
    rf"(?:dish(?:es)?|recipes?|meals?|ideas?)(?: (?:can|could|to|i|we|you))* {_MAKE} (?:with|using|from)",
    r"(?:an? |some )?(?:dish(?:es)?|recipes?|meals?|ideas?|ways?) (?:using|to use|that uses?)(?: up)?",
    r"(?:something|anything|dinner|lunch) (?:using|to use|that uses)(?: up)?",
    r"(?:using|use) up|using|left ?overs?(?: of)?",
)
_ES = (
    r"(?:solo |todo lo que )?(?:tengo|tenemos)(?: es| solo)?",
    r"(?:me|nos) (?:quedan?|sobran?|sobraron|han? (?:sobrado|quedado))",
    r"(?:algo )?que(?: (?:puedo|podemos|podria|se puede|puedes?))? (?:cocinar|hacer|preparar|hago|cocino|preparo) con",
    r"(?:un |algun )?(?:platos?|comidas?|ideas?)(?: hech[oa]s?)? (?:con|usando|que use)",
    r"(?:una )?(?:recetas?|algo|cena) (?:usando|para (?:aprovechar|gastar|usar))",
    r"usando|aprovechar|aprovechando|gastar|(?:sobras|restos) de",
)
_OPENING = re.compile(rf"(?<![\w'])(?:(?P<en>{'|'.join(_EN)})|(?P<es>{'|'.join(_ES)}))(?![\w'])")
_END = re.compile(
    r"[.?!;:()|¿¡\n]|(?<!\w)(?:what|which|how|to|for|in|at|that|please|so|but|left|que|para|como|si|en|pero|por favor"
    r"|(?:and|y) (?:i|we|want|need|would|quiero|necesito))(?!\w)"
)
_AND = re.compile(r"\s+(?:and|y|e)\s+|\s*[&+]\s*")
_OR = re.compile(r"\s+(?:or|o|u)\s+|\s*/\s*")
_UNIT = (
    r"(?:g|kg|ml|cups?|tins?|cans?|bags?|packs?|jars?|latas?|botes?|bolsas?|kilos?|gramos?|tazas?|bit|lot|couple)"
    r"(?: of| de)?"
)
_AMOUNT = re.compile(
    rf"^(?:(?:\d[\d.,/]*|{_UNIT}|some|few|lots of|plenty of|half|an?|the|my|any|other|another|only|just|also|fresh|and"
    r"|leftovers?|left ?over|un poco de|algo de|una?|un[oa]s|algun[oa]s?|much[oa]s?|el|l[oa]s?|otr[oa]s?|medi[oa]"
    r"|restos de|sobras de|y) )+"
)

# What a word for a kind of food stands for: kinds of the dietary lexicon, or the members themselves.
_KINDS = {
    "fish": ("fish",), "seafood": ("fish", "shellfish"), "shellfish": ("shellfish",), "nut": ("nut",),
    "cheese": ("cheese",), "pasta": ("pasta",), "noodle": ("pasta",), "berry": ("berry",), "green": ("greens",),
    "mushroom": ("mushroom",), "poultry": ("poultry",), "game": ("game",), "citrus": ("citrus",), "herb": ("herb",),
    "fruit": ("fruit", "berry", "citrus"), "squash": ("squash",),
}  # fmt: skip
_MEMBERS = {
    "meat": "beef veal pork lamb mutton chicken turkey ham bacon sausage mince steak venison rabbit",
    "bean": "beans haricot cannellini borlotti fava pinto flageolet frijoles edamame alubias",
    "pulse": "beans lentils chickpeas peas garbanzos",
    "legume": "beans lentils chickpeas peas garbanzos",
    "pepper": "pepper capsicum pimento pimiento",
    "onion": "onion shallot scallion",
}
_GREENS = stems("greens")
_SYNONYMS = (
    "aubergine eggplant", "courgette zucchini", "coriander cilantro", "prawn shrimp", "rocket arugula",
    "beetroot beet", "chickpea garbanzo", "corn sweetcorn maize", "chilli chili chile", "yogurt yoghurt",
    "cornflour cornstarch", "swede rutabaga", "scallion spring-onion",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pantry:
    """Groups of alternatives, in the words and the language of the query; any one of a group will do.

    `residual` is what the query says beside them, empty when nothing.
    """

    groups: tuple[tuple[str, ...], ...]
    residual: str


def read_pantry(text: str) -> Pantry | None:
    """Read what the query wants to cook from; None where it does not say, or names no food."""
    query = QueryText(text)
    for opening in _OPENING.finditer(query.folded):
        end = _END.search(query.folded, opening.end())
        span = Span(opening.start(), end.start() if end else len(query.text))
        groups = _groups(query.text[opening.end() : span.end].lower(), "en" if opening["en"] else "es")
        if groups:
            return Pantry(groups=groups, residual=query.less([span]).rest())
    return None


def expand(word: str) -> frozenset[str]:
    """Return the English words that each mean a recipe has `word`: itself, its synonyms, and for a kind its members."""
    key = stems(word)
    if key == _GREENS:  # as a word it would find every green pepper
        return _expansions()[key] - {"green"}
    return frozenset({word}) | _expansions().get(key, frozenset())


def _groups(listed: str, language: Language) -> tuple[tuple[str, ...], ...]:
    chunks = _AND.split(listed)
    groups: list[tuple[str, ...]] = []
    for place, chunk in enumerate(chunks):
        elements = [
            tuple(food for said in _OR.split(element) if (food := _food(said, language)))
            for element in chunk.split(",")
        ]
        elements = [element for element in elements if element]
        if 0 < place == len(chunks) - 1 and elements and len(elements[-1]) > 1:
            # What follows the last "and" is the last thing: "eggs, ham and peaches, plums or pears".
            elements = [tuple(food for element in elements for food in element)]
        groups += _merged(elements)
    known = any(_kind(food) is not None for group in groups for food in group)
    return tuple(groups) if known else ()


def _merged(elements: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Give "plums or pears" the "peaches" before it; "lemon" before "mushrooms or truffles" stays apart."""
    groups: list[tuple[str, ...]] = []
    for element in elements:
        alternatives = element
        while 1 < len(alternatives) < MOST_LIKE_ALTERNATIVES and groups and len(groups[-1]) == 1:
            kind = _kind(groups[-1][0])
            if kind is None or kind != _kind(alternatives[0]):
                break
            alternatives = groups.pop() + alternatives
        groups.append(alternatives)
    return groups


def _food(said: str, language: Language) -> str:
    """The food without its amount; empty for what is no food at all."""
    food = _AMOUNT.sub("", " ".join(said.split()))
    named = exclusion_words().longest(stems(food), 0, language)
    return "" if named is not None and named[0].empty else food


@cache
def _lexicon() -> Lexicon:
    return Lexicon.load()


def _kind(food: str) -> str | None:
    """The lexicon's kind of what `food` ends in or, in Spanish, begins with; None where neither table knows a word."""
    keys = stems(food)
    for start in range(len(keys)):
        entry = _lexicon().phrases.get(keys[start:])
        if entry is not None and entry.kind not in {GLUE, QUALIFIER}:
            return entry.kind
    for end in range(len(keys), 0, -1):
        spanish = exclusion_words().phrases["es"].get(keys[:end])
        if spanish is not None and not spanish.empty:
            known = (_lexicon().phrases.get(stems(word)) for word in spanish.words)
            return min((entry.kind for entry in known if entry is not None), default="food")
    return None


@cache
def _expansions() -> dict[tuple[str, ...], frozenset[str]]:
    """Words by the stems of what they expand."""
    members: dict[str, set[str]] = {}
    for name, kinds in _KINDS.items():
        # Words of two words would be searched for apart: corn salad in every salad with corn.
        members[name] = {word for kind in kinds for word in _lexicon().words[kind] if " " not in word}
    for name, listed in _MEMBERS.items():
        members.setdefault(name, set()).update(listed.split())
    for group in _SYNONYMS:
        names = [name.replace("-", " ") for name in group.split()]
        for name in names:
            members.setdefault(name, set()).update(names)
    return {stems(name): frozenset(words) for name, words in members.items()}
