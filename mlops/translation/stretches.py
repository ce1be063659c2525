"""What follows a verb: things, measures, times and places, settled one after the other from left to right.

Where nothing is left over, no translator is needed; else it gets the stretch with the settled phrases held back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.translation.agreement import Form, agreeing
from mlops.translation.culinary import Holder, like, tidy
from mlops.translation.glossary import Kind
from mlops.translation.units import read_measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.translation.phrasebook import Phrasebook

_FIXED: frozenset[Kind] = frozenset({"technique", "phrase", "state", "other", "unit"})
_LONGEST = 7
_TOKEN = re.compile(r"\d+(?:[.,/]\d+)?|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]|\S")
_WORD = re.compile(r"[^\W_]")
_FUNCTION = {
    "and": "y", "or": "o", "with": "con", "without": "sin", "in": "en", "into": "en", "on": "sobre", "onto": "sobre",
    "over": "sobre", "of": "de", "from": "de", "to": "a", "between": "entre", "under": "bajo", "by": "por", "but": "pero",
    "through": "por", "around": "alrededor de", "before": "antes de", "after": "después de", "well": "bien",
    "again": "de nuevo", "together": "juntos", "as": "como", "per": "por", "at": "a", "about": "unos", "also": "también",
}  # fmt: skip
_UNTIL = re.compile(r"until (?:it is |they are |they’re |all is )?(?:just |very |quite )?(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """`settled` is the Spanish where everything is known; else `text` is for the translator, see `culinary.Slot`."""

    source: str
    settled: str | None
    text: str
    held: tuple[str, ...]


def stretch(source: str, book: Phrasebook) -> Stretch:
    """Settle what can be settled of `source`, which has no verb at its start."""
    tokens = list(_TOKEN.finditer(source))
    holder = Holder()
    english: list[str] = []
    spanish: list[str] | None = []
    place, last = 0, 0
    while place < len(tokens):
        blank = source[last : tokens[place].start()]
        taken, said = _longest(source, tokens, place, book)
        if said is not None:
            english += [blank, holder.hold(said)]
        else:
            word = tokens[place].group()
            said = _FUNCTION.get(word.lower()) if _WORD.match(word) and not word.isdigit() else word
            english += [blank, word]
        spanish = None if spanish is None or said is None else [*spanish, blank, said]
        last = tokens[place + taken - 1].end()
        place += taken
    settled = like(tidy("".join(spanish)), source) if spanish is not None else None
    return Stretch(source=source, settled=settled, text="".join(english), held=tuple(holder.held))


def _longest(source: str, tokens: list[re.Match[str]], place: int, book: Phrasebook) -> tuple[int, str | None]:
    """The longest run of words from `place` on that has a Spanish, and that Spanish."""
    if not _WORD.match(tokens[place].group()):
        return 1, None
    most = 1
    while most < _LONGEST and place + most < len(tokens) and _WORD.match(tokens[place + most].group()):
        most += 1
    for length in range(most, 0, -1):
        phrase = source[tokens[place].start() : tokens[place + length - 1].end()].lower()
        for settle in _WAYS:
            said = settle(phrase, book)
            if said is not None:
                return length, said
    return 1, None


def _measured(phrase: str, book: Phrasebook) -> str | None:
    """"150 ml water", "for 8 minutes", "2 eggs", "the 2 eggs"."""
    for lead, spanish in (("for ", "durante "), ("", "")):
        if not phrase.startswith(lead):
            continue
        measure = read_measure(phrase.removeprefix(lead)) if phrase.removeprefix(lead)[:1].isdigit() else None
        if measure is None:
            continue
        rest = measure.rest.removeprefix("of ").strip()
        if not rest:
            return f"{spanish}{measure.text}" if not measure.counted else None
        noun = book.noun(rest)
        if noun is not None:
            return f"{spanish}{measure.text} {noun}" if measure.counted else f"{spanish}{measure.text} de {noun}"
    return None


def _fixed(phrase: str, book: Phrasebook) -> str | None:
    """Phrases of more than one word that the glossary has whole, such as "over medium heat"."""
    entry = book.glossary.find(phrase, "en", _FIXED) if " " in phrase else None
    return None if entry is None else entry.es


def _awaited(phrase: str, book: Phrasebook) -> str | None:
    """"until golden", "until soft and golden": hasta que esté dorado."""
    found = _UNTIL.fullmatch(phrase)
    if found is None:
        return None
    states = [book.state(part) for part in found[1].split(" and ")]
    if any(state is None for state in states):
        return None
    plain = Form(feminine=False, plural=False)
    return f"hasta que esté {' y '.join(agreeing(state, plain) for state in states if state)}"


def _named(phrase: str, book: Phrasebook) -> str | None:
    return book.noun(phrase)


def _shaped(phrase: str, book: Phrasebook) -> str | None:
    return book.shape(phrase)


_WAYS: tuple[Callable[[str, Phrasebook], str | None], ...] = (_fixed, _measured, _awaited, _shaped, _named)
