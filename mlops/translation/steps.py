"""A preparation step, clause by clause: the verb of the command by table, as an infinitive; then what it is done to.

"Mix butter and sugar, then bake for 20 minutes" is "Mezclar mantequilla y azúcar, luego hornear durante 20 minutos".
Pure; a clause whose verb or words the glossary lacks becomes a slot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.translation.culinary import Draft, Slot, like
from mlops.translation.ingredients import conjunction
from mlops.translation.stretches import Stretch, stretch

if TYPE_CHECKING:
    from mlops.translation.phrasebook import Phrasebook

_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_END = re.compile(r"[.!?;:\s]*$")
_CONNECTOR = re.compile(r",?\s+and then\s+|,?\s+then\s+|,\s+and\s+|\s+and\s+|\s+or\s+|,\s+", re.IGNORECASE)
_THEN = {"and then": " y luego ", "then": ", luego ", "and": " y ", "or": " o ", "": ", "}
# A word that is also a food ("butter", "oil") is a verb only before one of these.
_AFTER_VERB = re.compile(r"(?:the|it|them|a|an|both|each|your)\b", re.IGNORECASE)
_OBJECT = re.compile(r"(it|them)\b\s*", re.IGNORECASE)
_OBJECTS = {"it": "lo", "them": "los"}
_NEGATION = re.compile(r"(?:do not|don[\u2019']t|never)\s+", re.IGNORECASE)
_MANNER = re.compile(
    r"(carefully|gently|slowly|quickly|immediately|finally|meanwhile|then|now|next|lightly|thoroughly|gradually|first)"
    r",?\s+",
    re.IGNORECASE,
)
_MANNERS = {
    "carefully": "con cuidado", "gently": "con suavidad", "slowly": "despacio", "quickly": "rápidamente",
    "immediately": "de inmediato", "lightly": "ligeramente", "thoroughly": "a fondo", "gradually": "poco a poco",
}  # fmt: skip
_OPENINGS = {"finally": "por último, ", "meanwhile": "mientras tanto, ", "then": "luego, ", "now": "ahora, ",
             "next": "a continuación, ", "first": "primero, "}  # fmt: skip
_NO_COMMAND = re.compile(
    r"(?:the|a|an|it|this|that|these|they|there|he|she|you|we|i|in|on|at|when|while|if|as|for|from|with|without|to|after|"
    r"before|once|until|of|by|one|two|three|some|each|every|all|another|no|not|or|and|but|so|\d+|\w+(?:ly|ing|ed|s))\b",
    re.IGNORECASE,
)


def draft_step(text: str, book: Phrasebook) -> Draft:
    """Take one step apart."""
    pieces: list[str | Slot] = []
    for sentence in _SENTENCE.split(text.strip()):
        end = _END.search(sentence)
        body = sentence[: end.start()] if end else sentence
        pieces += [*_sentence(body, book), f"{sentence[len(body) :].strip()} "]
    return Draft(pieces=tuple(pieces))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clause:
    connector: str
    text: str


def _sentence(sentence: str, book: Phrasebook) -> list[str | Slot]:
    pieces: list[str | Slot] = []
    for clause in _clauses(sentence, book):
        said = _clause(clause.text, book)
        following = said[0] if isinstance(said[0], str) else ""
        word = clause.connector.strip()
        if word in ("y", "o"):
            pieces.append(f" {conjunction(word, following.lower())} ")
        else:
            pieces.append(clause.connector)
        pieces += said
    return pieces


def _clauses(sentence: str, book: Phrasebook) -> list[_Clause]:
    """Cut before every further command, and nowhere else: "butter and sugar" is no cut, "sugar and stir" is."""
    clauses, connector, start = [], "", 0
    for found in _CONNECTOR.finditer(sentence):
        opening = sentence[start : found.start()].strip()
        if opening and not _MANNER.fullmatch(f"{opening} ") and _commands(sentence[found.end() :], book):
            clauses.append(_Clause(connector=connector, text=sentence[start : found.start()]))
            connector = _THEN[" ".join(found.group().replace(",", " ").lower().split())]
            start = found.end()
    clauses.append(_Clause(connector=connector, text=sentence[start:]))
    return clauses


def _commands(text: str, book: Phrasebook) -> bool:
    """Whether `text` opens with a verb in the imperative."""
    manner = _MANNER.match(text)
    verb = book.verb(text[manner.end() :] if manner else text)
    if verb is None:
        return bool(_NEGATION.match(text))
    rest = text[manner.end() if manner else 0 :][verb.length :].lstrip()
    return not verb.noun or bool(_AFTER_VERB.match(rest))


def _clause(text: str, book: Phrasebook) -> list[str | Slot]:
    rest = text.strip()
    opening, manner = "", ""
    while found := _MANNER.match(rest):
        word = found[1].lower()
        opening, manner = opening + _OPENINGS.get(word, ""), manner or _MANNERS.get(word, "")
        rest = rest[found.end() :]
    negation = _NEGATION.match(rest)
    if negation:
        opening, rest = f"{opening}no ", rest[negation.end() :]
    verb = book.verb(rest)
    if verb is None:
        return _without_verb(text.strip(), opening, rest, book)
    spanish, rest = verb.spanish, rest[verb.length :].lstrip()
    if verb.spanish == "dejar":
        spanish, rest = _letting(rest, book)
    elif found := _OBJECT.match(rest):
        head, blank, tail = spanish.partition(" ")
        spanish, rest = f"{head}{_OBJECTS[found[1].lower()]}{blank}{tail}", rest[found.end() :]
    lead = like(" ".join(f"{opening}{spanish} {manner}".split()), text)
    said = stretch(rest, book)
    return [f"{lead} ", *_pieces(said)] if rest else [lead]


def _without_verb(text: str, opening: str, rest: str, book: Phrasebook) -> list[str | Slot]:
    """A clause whose verb the glossary lacks is left to the translator, as a command where it reads like one."""
    said = stretch(text, book)
    if said.settled is not None or not rest or _NO_COMMAND.match(rest):
        return _pieces(said)
    unheld = stretch(rest, book)
    return [like(opening, text), Slot(source=rest, text=unheld.text, held=unheld.held, command=True)]


def _letting(rest: str, book: Phrasebook) -> tuple[str, str]:
    """What follows "let": "let it cool" is "dejarlo enfriar", "let the dough rest" is "dejar reposar la masa"."""
    found = _OBJECT.match(rest)
    if found:
        verb = book.verb(rest[found.end() :])
        left = rest[found.end() :]
        lead = f"dejar{_OBJECTS[found[1].lower()]}"
        return (f"{lead} {verb.spanish}", left[verb.length :].lstrip()) if verb else (lead, left)
    words = rest.split(" ")
    for cut in range(min(6, len(words) - 1), 0, -1):
        thing = book.noun(" ".join(words[:cut]).lower())
        left = " ".join(words[cut:])
        verb = book.verb(left)
        if thing is not None and verb is not None:
            return f"dejar {verb.spanish} {thing}", left[verb.length :].lstrip()
    return "dejar", rest


def _pieces(said: Stretch) -> list[str | Slot]:
    if said.settled is not None:
        return [said.settled]
    return [Slot(source=said.source, text=said.text, held=said.held)]
