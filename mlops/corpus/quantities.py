"""Times and yields written for people, as numbers: "1 h 20 min", "una hora y media", "PT1H20M", "4-6 personas"."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from fractions import Fraction

from mlops.corpus.texts import folded

# Longer texts are prose, and prose is no time; it also keeps every expression below away from hostile input.
_LONGEST = 80
_DAY, _HOUR, _MINUTE = Fraction(1440), Fraction(60), Fraction(1)

_PHRASES = (
    (re.compile(r"[~≈]|\b(?:about|approximately|approx|around|circa|ca|unos|unas|aproximadamente|aprox)\b\.?"), " "),
    (re.compile(r"\btres cuartos de hora\b|\bthree quarters of an hour\b"), "45 min"),
    (re.compile(r"\b(?:un )?cuarto de hora\b|\b(?:a )?quarter of an hour\b"), "15 min"),
    (re.compile(r"\b(?:half an|half a|half) hour\b|\bmedia hora\b"), "30 min"),
    (re.compile(r"\b(?:an|a|one|una|un) (?=(?:hour|day|minute|hora|dia|minuto)\b)"), "1 "),
    (re.compile(r"\bhours? and a half\b|\bhoras? y media\b"), "h 30 min"),
    (re.compile(r"\bhoras? y cuarto\b"), "h 15 min"),
)
_VULGAR = str.maketrans({"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "\u2013": "-", "\u2014": "-"})
_AMOUNT = r"\d+ \d+/\d+|\d+/\d+|\d+(?:[.,]\d{1,2}(?!\d))?"
_RANGE = re.compile(rf"(?:{_AMOUNT}) ?(?:[a-z]+ )?(?:-|to|a|hasta) ?({_AMOUNT})")
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::[0-5]\d)?")
_PART = re.compile(rf"({_AMOUNT}) ?([a-z]*)\.? ?(?:(?:,|and|y|e|&|\+) ?)?")
_SERVINGS = re.compile(
    r"(?:serves|servings?|para|for|raciones|porciones)?:? ?(\d{1,4})(?: ?(?:-|to|a) ?\d{1,4})?"
    r"(?: (?:servings?|portions?|people|persons?|personas?|raciones|racion|porciones|porcion|comensales))?\.?"
)
_UNITS: dict[str, Fraction] = {
    **dict.fromkeys("d day days dia dias".split(), _DAY),
    **dict.fromkeys("h hr hrs hour hours hora horas".split(), _HOUR),
    **dict.fromkeys("m min mins minute minutes minuto minutos".split(), _MINUTE),
    **dict.fromkeys("s sec secs second seconds seg segundo segundos".split(), Fraction(1, 60)),
}


def minutes_of(text: str) -> int | None:
    """Read a duration as whole minutes, rounded up; None where it is none.

    A bare number is minutes. Of a range the longer time counts: whoever has half an hour is not told of 20-40 minutes.
    """
    if len(text) > _LONGEST:
        return None
    plain = folded(text.translate(_VULGAR))
    if re.match(r"-?pt?\d", plain):
        return _iso_minutes(plain.upper())
    clock = _CLOCK.fullmatch(plain)
    if clock is not None:
        return int(clock[1]) * 60 + int(clock[2])
    for pattern, replacement in _PHRASES:
        plain = pattern.sub(replacement, plain)
    return _sum_of_parts(_RANGE.sub(r"\1", " ".join(plain.split())))


def servings_of(text: str) -> int | None:
    """Read for how many a recipe is, the smaller number of a range; None where the text is another kind of yield."""
    if len(text) > _LONGEST:
        return None
    found = _SERVINGS.fullmatch(folded(text.translate(_VULGAR)))
    return int(found[1]) if found else None


def _sum_of_parts(plain: str) -> int | None:
    """Add `2 h`, `5 min`, …, each unit smaller than the one before; a number behind hours is minutes."""
    total, last, position = Fraction(0), _DAY + 1, 0
    while position < len(plain):
        part = _PART.match(plain, position)
        if part is None:
            return None
        if part[2]:
            unit = _UNITS.get(part[2], Fraction(0))
        else:
            unit = _MINUTE if position == 0 or last == _HOUR else Fraction(0)
        if not 0 < unit < last:
            return None
        try:
            total += sum(Fraction(term.replace(",", ".")) for term in part[1].split()) * unit
        except ZeroDivisionError:
            return None
        last, position = unit, part.end()
    return math.ceil(total) if position else None


def _iso_minutes(text: str) -> int | None:
    """ISO 8601; years and months have no fixed length and are refused."""
    import isodate  # noqa: PLC0415 - of the `jobs` extra; other rows are read without it

    try:
        duration = isodate.parse_duration(text)
    except (isodate.ISO8601Error, ArithmeticError, ValueError):
        return None
    return math.ceil(duration / timedelta(minutes=1)) if isinstance(duration, timedelta) else None
