"""What follows a verb: things, measures, times and places, settled one after the other from left to right.

Where nothing is left over, no translator is needed; else it gets the stretch with the settled phrases held back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.translation.agreement import Form, agreeing, form_of
from mlops.translation.culinary import Holder, like, tidy
from mlops.translation.glossary import Kind, fold, words_of
from mlops.translation.units import read_measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.translation.phrasebook import Phrasebook

_FIXED: frozenset[Kind] = frozenset({"technique", "phrase", "state", "other", "unit"})
_LONGEST = 7
_TOKEN = re.compile(r"\d+(?:[.,/\u2013-]\d+)*(?:\s*°\s*[CF]?\b)?|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[^\w\s]|\S")
_WORD = re.compile(r"[^\W_]")
_FUNCTION = {
    "and": "y", "or": "o", "with": "con", "without": "sin", "in": "en", "into": "en", "on": "sobre", "onto": "sobre",
    "over": "sobre", "of": "de", "from": "de", "to": "a", "between": "entre", "under": "bajo", "by": "por",
    "but": "pero", "through": "por", "around": "alrededor de", "before": "antes de", "after": "después de",
    "well": "bien", "again": "de nuevo", "together": "juntos", "as": "como", "per": "por", "at": "a", "about": "unos",
    "also": "también",
}  # fmt: skip
_TIME = re.compile(r"for (?:(just|another|a further) )?((?:about |around |at least )?\d.*)")
_TIMES = {"just": "solo ", "another": "otros ", "a further": "otros "}
_SIZED = re.compile(r"((?:a|the|an) )?(\d+(?:[.,]\d+)?)[ -]?cm (\D+)")
_UNTIL = re.compile(r"until (?:it is |they are |all is )?(?:just |very |quite )?(.+)")


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
            said = _FUNCTION.get(word.lower()) if _WORD.match(word) and not word[0].isdigit() else word
            english += [blank, word]
        spanish = None if spanish is None or said is None else [*spanish, blank, said]
        last = tokens[place + taken - 1].end()
        place += taken
    settled = like(tidy("".join(spanish)), source) if spanish is not None else None
    return Stretch(source=source, settled=settled, text="".join(english), held=tuple(holder.held))


def _longest(source: str, tokens: list[re.Match[str]], place: int, book: Phrasebook) -> tuple[int, str | None]:
    """The longest run of words from `place` on that has a Spanish, and that Spanish."""
    most = 0
    while most < _LONGEST and place + most < len(tokens) and _speakable(tokens[place + most].group(), book):
        most += 1
    for length in range(most, 0, -1):
        phrase = source[tokens[place].start() : tokens[place + length - 1].end()].lower()
        for settle in _WAYS:
            said = settle(phrase, book)
            if said is not None:
                return length, said
    return 1, None


def _speakable(token: str, book: Phrasebook) -> bool:
    """Whether `token` can be part of a phrase that is known: no punctuation mark, and no strange word."""
    return token[0].isdigit() or all(fold(word) in book.vocabulary for word in words_of(token) or ("",))


def _measured(phrase: str, book: Phrasebook) -> str | None:
    """Things by number or measure, and times: "150 ml water", "2 eggs", "a 20 cm round tin", "for about 8 minutes"."""
    timed = _TIME.fullmatch(phrase)
    if timed:
        measure = read_measure(timed[2])
        if measure is None or measure.counted or measure.rest:
            return None
        return f"durante {_TIMES.get(timed[1] or '', '')}{measure.text}"
    sized = _SIZED.fullmatch(phrase)
    if sized:
        thing = book.noun(f"{sized[1] or ''}{sized[3]}")
        return None if thing is None else f"{thing} de {sized[2].replace('.', ',')} cm"
    measure = read_measure(phrase)
    if measure is None or (measure.counted and not phrase[0].isdigit()):
        return None
    rest = measure.rest.removeprefix("of ").strip()
    noun = book.noun(rest) if rest else None
    if noun is None:
        return None if rest or measure.counted else measure.text
    return f"{measure.agreed(form_of(noun))} {noun}" if measure.counted else f"{measure.text} de {noun}"


def _fixed(phrase: str, book: Phrasebook) -> str | None:
    """Phrases of more than one word that the glossary has whole, such as "over medium heat"."""
    entry = book.glossary.find(phrase, "en", _FIXED) if " " in phrase else None
    return None if entry is None else entry.es


def _awaited(phrase: str, book: Phrasebook) -> str | None:
    """What is waited for: "until soft and golden" is "hasta que esté blando y dorado"."""
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
