"""A line of an ingredient list, taken apart: quantity, unit, thing, and after the comma what was done to it.

"2 cups flour, sifted" is "2 tazas de harina, tamizada". Pure, on tables and the glossary; what neither knows becomes a
slot.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops.translation.agreement import Form, agreeing, form_of, pluralised
from mlops.translation.culinary import Draft, Slot, like
from mlops.translation.units import Measure, read_measure, unit_form

if TYPE_CHECKING:
    from mlops.translation.phrasebook import Phrasebook

# Brackets are kept whole: a comma inside "(400 g, drained)" does not end the thing.
_SPLIT = re.compile(r"(,\s+|;\s*|\s+[-\u2013—]\s+|\s*\([^()]*\))")
_MULTIPLE = re.compile(r"^(\d+)\s*[x\u00d7]\s*(\d[\d.,]*\s*(?:kg|g|ml|l|oz))\s+(?=\S)", re.IGNORECASE)
_ASIDE = re.compile(r"^([\d\s/.,½⅓⅔¼¾⅛\u2013-]+(?:[A-Za-z]+\s+)?)(\([^()]*\))\s*(?=\S)")
_JOINT = re.compile(r"\s+(and|or|plus|with|in|&)\s+|\s*/\s*(?=[a-z])")
_JOINTS = {"and": "y", "&": "y", "or": "o", "plus": "más", "with": "con", "in": "en"}
_UNIT_BEHIND = re.compile(r"(.+?) (cloves?|stalks?|leaves|leaf|sprigs?|slices?|sticks?|heads?)")
_LETTER = re.compile(r"[^\W\d_]")
_NO_FORM = Form(feminine=False, plural=False)


def draft_ingredient(line: str, book: Phrasebook) -> Draft:
    """Take one line apart."""
    line = _MULTIPLE.sub(r"\1 (\2) ", line)
    aside = _ASIDE.match(line)
    if aside:
        # "1 (400 g) can chickpeas", "2 cups (200 g) oats": the bracket parts a quantity from its thing.
        line = f"{aside[1].rstrip()} {line[aside.end() :]}"
    head, *others = _SPLIT.split(line)
    measure = read_measure(head)
    thing = head if measure is None else measure.rest
    name = _thing(thing, measure, book)
    form = form_of(name) if isinstance(name, str) else _NO_FORM
    pieces = [*_amount(measure, form, aside[2] if aside else "", book, thing=bool(thing.strip())), name]
    for joint, part in zip(others[::2], others[1::2], strict=True):
        pieces += _after(joint, part, form, book)
    if isinstance(pieces[0], str):
        pieces[0] = like(pieces[0], line)
    return Draft(pieces=tuple(pieces))


def joined(phrase: str, book: Phrasebook) -> str | None:
    """Noun phrases with "and", "or" and the like between them; None where one is not known."""
    whole = _noun(phrase, book)
    found = _JOINT.search(phrase)
    if whole is not None or found is None:
        return whole
    first, last = _noun(phrase[: found.start()], book), joined(phrase[found.end() :], book)
    if first is None or last is None:
        return None
    return f"{first} {conjunction(_JOINTS.get(found[1], 'o'), last)} {last}"


def preparation(text: str, form: Form, book: Phrasebook) -> str | None:
    """States that agree with the thing: "peeled and finely chopped" behind "onion" is "pelada y picada finamente"."""
    shaped = book.shape(text)
    if shaped is not None:
        return shaped
    first, joint, last = text.partition(" and ")
    state = book.state(first)
    if state is None:
        phrase = book.glossary.find(text, "en", frozenset({"phrase", "technique"}))
        return None if phrase is None else phrase.es
    if not joint:
        return agreeing(state, form)
    rest = preparation(last, form, book)
    return None if rest is None else f"{agreeing(state, form)} {conjunction('y', rest)} {rest}"


def conjunction(word: str, following: str) -> str:
    """Before the same sound "y" becomes "e" and "o" becomes "u"."""
    if word == "y" and following.startswith(("i", "hi")) and not following.startswith("hie"):
        return "e"
    if word == "o" and following.startswith(("o", "ho")):
        return "u"
    return word


def _amount(measure: Measure | None, form: Form, aside: str, book: Phrasebook, *, thing: bool) -> list[str | Slot]:
    """Quantity and unit in Spanish, with the bracket that followed them, up to where the thing begins."""
    if measure is None:
        return []
    bracket: list[str | Slot] = [" (", *_inside(aside[1:-1], _NO_FORM, book), ")"] if aside else []
    lead = measure.agreed(form) if measure.counted else measure.text
    link = "" if not thing else " " if measure.counted else " de "
    return [lead, *bracket, link]


def _thing(text: str, measure: Measure | None, book: Phrasebook) -> str | Slot:
    """The thing itself, in the number that the line has; a slot where the glossary does not know it."""
    bare = text.strip().removeprefix("of ").strip()
    known = joined(bare.lower(), book) if bare else ""
    if known is None:
        return Slot(source=bare, text=bare)
    if measure is not None and measure.counted and measure.plural and known and not form_of(known).plural:
        head, blank, rest = known.partition(" ")
        return f"{pluralised(head)}{blank}{rest}"
    return known


def _noun(phrase: str, book: Phrasebook) -> str | None:
    """A noun phrase, which may have its unit behind or a measure inside: "garlic cloves", "juice of 2 lemons"."""
    behind = _UNIT_BEHIND.fullmatch(phrase)
    noun = book.noun(behind[1]) if behind and book.glossary.find(phrase, "en") is None else None
    if behind and noun is not None:
        return f"{unit_form(behind[2], plural=behind[2].endswith('s'))} de {noun}"
    plain = book.noun(phrase)
    if plain is not None:
        return plain
    head, _, rest = phrase.partition(" of ")
    inner = read_measure(rest)
    if inner is None:
        return None
    first, last = book.noun(head), book.noun(inner.rest.strip())
    if first is None or last is None:
        return None
    return f"{first} de {inner.agreed(form_of(last)) if inner.counted else f'{inner.text} de'} {last}"


def _after(joint: str, part: str, form: Form, book: Phrasebook) -> list[str | Slot]:
    """What stands behind the thing: brackets, and preparations that agree with it."""
    bracket = joint.strip()
    pieces: list[str | Slot] = []
    if bracket.startswith("("):
        pieces += [" (", *_inside(bracket[1:-1].strip(), form, book), ") "]
    else:
        pieces.append(f"{bracket} " if bracket in (",", ";") else " - ")
    return [*pieces, *_inside(part.strip(), form, book)]


def _inside(text: str, form: Form, book: Phrasebook) -> list[str | Slot]:
    if not _LETTER.search(text):
        return [text]
    prepared = preparation(text.lower(), form, book)
    if prepared is not None:
        return [prepared]
    measure = read_measure(text)
    thing = text if measure is None else measure.rest
    if measure is not None and thing.strip() == "each":
        return [f"{measure.text} cada uno"]
    name = _thing(thing, measure, book)
    named = form_of(name) if isinstance(name, str) else _NO_FORM
    return [*_amount(measure, named, "", book, thing=bool(thing.strip())), name]
