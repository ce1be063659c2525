"""Limits said in words, English and Spanish: how long a dish may take, and how many ingredients it may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.retrieval.query_text import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.retrieval.query_text import QueryText

# A plain "30-minute" or "in 30 minutes" means at most that; "8-hour" is a way of cooking and limits nothing.
LONGEST_BARE_MINUTES = 120

_UNITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fifteen": 15, "eighteen": 18,
    "uno": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10,
    "doce": 12, "quince": 15, "veinticinco": 25,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90,
    "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "noventa": 90,
}  # fmt: skip
_JOINS = ("-", " ", " y ")
_DIGITS = {unit: units for unit, units in _UNITS.items() if units < 10}  # noqa: PLR2004 - after twenty-nine comes thirty
_NUMBERS = (
    _UNITS
    | _TENS
    | {
        f"{ten}{join}{digit}": tens + units
        for ten, tens in _TENS.items()
        for digit, units in _DIGITS.items()
        for join in _JOINS
    }
)
_ONE_HOUR = {"a": 1, "an": 1, "un": 1, "una": 1}


def _any_of(phrases: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(phrases, key=len, reverse=True)) + ")"


# By its parts: every number spelt out took 30 ms to compile, in a process that starts.
_IN_WORDS = rf"(?:{_any_of(_TENS)}{_any_of(_JOINS)}{_any_of(_DIGITS)}|{_any_of(_UNITS | _TENS)})"
_N = rf"(?:\d{{1,4}}(?:[.,]\d{{1,2}})?(?: 1/2)?|{_IN_WORDS})"
_RANGE = rf"(?:(?:about|around|roughly|some|unos|unas) )?(?:\d{{1,4}} ?- ?|{_N} (?:to|a|o|or) )?"
MINUTES = r"(?:minutes?|minutos?|min\.|mins?|')(?![a-z])"
HOURS = r"(?:hours?|hrs?|h|horas?)(?![a-z])"
_DURATION = re.compile(
    r"(?<![\w.])(?:(?P<half>(?:about )?half[ -](?:an?[ -])?hour|media hora)"
    r"|(?P<three>three[ -]quarters of an hour|tres cuartos de hora)"
    r"|(?P<quarter>(?:a )?quarter of an hour|(?:un )?cuarto de hora)"
    r"|(?P<hour_and_half>hora y media|hour and a half)"
    rf"|{_RANGE}(?P<hours>{_N}|{_any_of(_ONE_HOUR)})[ -]?{HOURS}(?P<more> and a half| y media)?"
    rf"(?:,? ?(?:and |y )?(?P<extra>\d{{1,2}})(?: ?(?:{MINUTES}|m(?![a-z]))|(?![\w.]| ?[a-z%])))?"
    rf"|{_RANGE}(?P<minutes>{_N})[ -]?{MINUTES})"
)
_COUNT = re.compile(
    rf"(?<![\w.]){_RANGE}(?P<count>{_N})(?: or (?:fewer|less)| o menos)?"
    r"[ -]?(?:(?:main|simple|basic|pantry|common) )?(?:ingredients?|ingredientes?)(?![a-z])"
)

_LESS_THAN = ("less than", "fewer than", "under", "below", "menos de", "por debajo de")
_AT_MOST = (
    "within", "no more than", "not more than", "no longer than", "not longer than", "max", "maximum", "maximum of",
    "max of", "at most", "at the most", "up to",
    "maximo", "maximo de", "un maximo de", "como maximo", "como mucho", "no mas de", "hasta", "a lo sumo",
)  # fmt: skip
# These go with a limit as well as with a way of cooking ("lamb in seven hours").
_PLAIN = ("in", "of", "only", "just", "takes", "take", "taking", "en", "de", "solo", "tarde", "tarda", "tarden")
_PLAIN_COUNT = ("with", "using", "of", "only", "just", "from", "con", "usando", "de", "solo")
_AT_LEAST = (
    "over", "more than", "at least", "longer than", "minimum", "minimum of", "after", "for", "every", "mas de",
    "al menos", "como minimo", "minimo", "minimo de", "durante", "cada", "por lo menos", "por", "a partir de",
)  # fmt: skip
_LEAD = r"(?:(?:that|which|que) )?(?:(?:is|are|se haga|este) )?(?:(?:ready|done|made|cooked|list[oa]s?|hech[oa]s?) )?"


def _before(plain: Iterable[str]) -> re.Pattern[str]:
    led = rf"(?:{_any_of(plain)} )?"
    return re.compile(
        rf"(?<!\w)(?:(?P<least>{_any_of(_AT_LEAST)})"
        rf"|{_LEAD}{led}(?:(?P<less>{_any_of(_LESS_THAN)})|(?P<most>{_any_of(_AT_MOST)})|{_any_of(plain)})) $"
    )


_BEFORE_TIME = _before(_PLAIN)
_BEFORE_COUNT = _before(_PLAIN_COUNT)
_AFTER = re.compile(
    r" ?,?(?:or (?:less|fewer|under)|max(?:imum)?|at (?:the )?most|tops|o menos|como (?:mucho|maximo)|(?:de )?maximo"
    r"|a lo sumo)(?![a-z])"
)
# What every limit has, and few queries: looking for it first is a tenth of looking for a limit. Cumin is not a unit.
_UNIT_OF_TIME = re.compile(r"min(?<!cumin)(?:ut|s?(?![a-z]))|hour|hora|hrs?(?![a-z])|'(?![a-z])|h(?![a-z])(?<![a-z]h)")
_UNIT_OF_COUNT = "ingredient"
# Minutes of work or of rest are not the minutes that a dish takes.
_OF_A_PART = re.compile(
    r" ?-?(?:of |de )?(?:prep|active|hands[ -]on|marinat|marinad|rest(?:ing)?\b|preparacion|reposo|marinado)"
)
_LONGEST_LEAD = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What was said of time (minutes) and of the number of ingredients, and where; None where nothing was."""

    max_minutes: int | None
    max_ingredients: int | None
    spans: tuple[Span, ...]


NO_LIMITS = Limits(max_minutes=None, max_ingredients=None, spans=())


def read_limits(query: QueryText) -> Limits:
    """Find every limit of `query`; of two of a kind the smaller holds."""
    line = query.folded
    times, counts = [], []
    if _UNIT_OF_TIME.search(line):
        times = [_limit(line, match, _minutes(match)) for match in _DURATION.finditer(line)]
    if _UNIT_OF_COUNT in line:
        counts = [_limit(line, match, _number(match["count"])) for match in _COUNT.finditer(line)]
    if not times and not counts:
        return NO_LIMITS
    return Limits(
        max_minutes=min((limit[0] for limit in times if limit), default=None),
        max_ingredients=min((limit[0] for limit in counts if limit), default=None),
        spans=tuple(limit[1] for limit in (*times, *counts) if limit),
    )


def _limit(line: str, match: re.Match[str], value: float) -> tuple[int, Span] | None:
    """The limit that `match` states with the words around it, and where; None where it states none."""
    counting = match.re is _COUNT
    offset = max(0, match.start() - _LONGEST_LEAD)
    before = (_BEFORE_COUNT if counting else _BEFORE_TIME).search(line[offset : match.start()])
    after = _AFTER.match(line, match.end())
    if _OF_A_PART.match(line, match.end()) or (before and before["least"] and not after):
        return None
    said = after or (before and (before["less"] or before["most"]))
    if not counting and not said and value > LONGEST_BARE_MINUTES:
        return None
    # "Fewer than six ingredients" are five; "less than 30 minutes" are 30 to everyone.
    limit = round(value) - 1 if counting and before and before["less"] else round(value)
    start = offset + before.start() if before and not before["least"] else match.start()
    return (limit, Span(start, after.end() if after else match.end())) if limit > 0 else None


def _minutes(match: re.Match[str]) -> float:
    for name, minutes in (("half", 30), ("three", 45), ("quarter", 15), ("hour_and_half", 90)):
        if match[name]:
            return minutes
    if match["minutes"]:
        return _number(match["minutes"])
    return _number(match["hours"]) * 60 + (30 if match["more"] else 0) + int(match["extra"] or 0)


def _number(said: str) -> float:
    if said in _NUMBERS or said in _ONE_HOUR:
        return (_NUMBERS | _ONE_HOUR)[said]
    whole, _, half = said.replace(",", ".").partition(" ")
    return float(whole) + (0.5 if half else 0)
