"""Recipe English to recipe Spanish: what a general translator gets wrong is settled by table, the rest is left to it.

Pure. A line becomes a `Draft` of settled Spanish and of slots; a translator fills the slots of many lines at once; the
filled draft becomes the line again. Measured faults this repairs: "1 cup butter" came out as "1 mantequilla de copa",
"Mix butter and sugar" as "Mantequilla de mezcla y azúcar".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.translation.glossary import Glossary
    from mlops.translation.translator import Line

# "You must mix" makes Apertium read a verb, and in Spanish leaves the infinitive that recipes are written in.
MUST = "You must "
# Two words within a Spanish line that nobody knows are a name, as of a cheese; three are English.
LONGEST_NAME = 2
_MUST_IN_SPANISH = re.compile(r"^(?:tú )?(?:tienes que|debes|deberías|tenéis que|has de)\s+", re.IGNORECASE)
_HELD = re.compile(r"\bxq([a-z]+)\b", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?)])")
_CONTRACTION = re.compile(r"\b(a|de) el (?!que\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A stretch for the translator. In `text` each `xqa`, `xqb` … stands for one of the settled phrases in `held`.

    `source` is what it says in English, for the case that no translation comes; `command` that it is an imperative.
    """

    source: str
    text: str
    held: tuple[str, ...] = ()
    command: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A line in pieces, in order; pieces bring their own blanks."""

    pieces: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What the translator has to fill, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A Spanish line; `complete` is false where all of it, or more than a name's length of it, stayed English."""

    text: str
    complete: bool


@dataclass(slots=True)
class Holder:
    """Gives out stand-ins for settled phrases. Apertium carries a word it does not know through unchanged."""

    held: list[str] = field(default_factory=list)

    def hold(self, spanish: str) -> str:
        """A stand-in for `spanish`."""
        self.held.append(spanish)
        return f"xq{_letters(len(self.held) - 1)}"


def finish(draft: Draft, answers: Sequence[Line], glossary: Glossary) -> Finished:
    """Put the translator's `answers`, one per slot, into the draft."""
    waiting = iter(answers)
    complete = True
    pieces = []
    for piece in draft.pieces:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        answer = next(waiting)
        filled = _fill(piece, answer, glossary)
        name = len(piece.source.split()) <= LONGEST_NAME and len(draft.pieces) > 1
        complete = complete and (filled is not None or name)
        pieces.append(piece.source if filled is None else filled)
    return Finished(text=tidy("".join(pieces)), complete=complete)


def tidy(text: str) -> str:
    """One blank between words, none before a comma, and "al", "del" for "a el", "de el"."""
    joined = _SPACE_BEFORE.sub("", " ".join(text.split()))
    return _CONTRACTION.sub(lambda found: f"{found[1]}l ", joined)


def like(spanish: str, english: str) -> str:
    """`spanish` with a capital first letter if `english` has one."""
    first = next((letter for letter in english if letter.isalpha()), "")
    return spanish[:1].upper() + spanish[1:] if first.isupper() else spanish


def _fill(slot: Slot, answer: Line, glossary: Glossary) -> str | None:
    """The slot in Spanish; None where half of it or more stayed English, or a stand-in was lost on the way."""
    text = _as_written(answer.text, slot.text)
    if slot.command:
        text = _MUST_IN_SPANISH.sub("", text.strip())
    others = _LETTERS.findall(_HELD.sub("", text))
    strange = [word for word in answer.unknown if not _HELD.fullmatch(word)]
    english = [word for word in strange if glossary.find(word, "en") is None]
    if answer.status == "untranslated":
        strange = english = others
    if english and 2 * len(english) >= len(others) + sum(len(phrase.split()) for phrase in slot.held):
        return None
    text = mend(text, strange, glossary)
    places = [_number(found[1]) for found in _HELD.finditer(text)]
    if sorted(places) != list(range(len(slot.held))):
        return None
    text = _HELD.sub(lambda found: slot.held[_number(found[1])], text)
    return like(text, slot.source) if slot.source[:1].isupper() else text[:1].lower() + text[1:]


def _as_written(text: str, source: str) -> str:
    """Without the capitals that Apertium gives to the word after one it does not know."""
    kept = set(_LETTERS.findall(source))
    return _LETTERS.sub(lambda found: found[0] if found[0] in kept else found[0][:1].lower() + found[0][1:], text)


def mend(text: str, unknown: Sequence[str], glossary: Glossary) -> str:
    """Replace each English word that the translator did not know by the glossary's, where it has one."""
    for word in unknown:
        entry = glossary.find(word, "en")
        if entry is not None:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", like(entry.es, word), text)
    return text


def slot_texts(drafts: Sequence[Draft]) -> Iterator[str]:
    """The texts of all slots, in order, as they go to the translator."""
    for draft in drafts:
        for slot in draft.slots:
            yield f"{MUST}{slot.text}" if slot.command else slot.text


def _letters(number: int) -> str:
    """0 is a, 25 is z, 26 is aa."""
    letters = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return letters


def _number(letters: str) -> int:
    number = 0
    for letter in letters.lower():
        number = number * 26 + ord(letter) - ord("a") + 1
    return number - 1
