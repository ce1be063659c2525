"""What one ingredient line says: the foods it names, and the promises ("gluten-free", "without sesame") about them.

A promise reaches forward to the food it stands before, over adjectives and further promises, as far as the next comma
or conjunction; standing behind a food, after a comma or in parentheses, it reaches back to that food alone. Where the
line leaves a choice ("plain or gluten-free flour", "gluten-free if needed") nothing is promised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.dietary.lexicon import DISH, GLUE, QUALIFIER, Entry, fold, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.dietary.lexicon import Lexicon

SEA = frozenset({"fish", "crustaceans", "molluscs", "seafood"})
NOTHING: frozenset[str] = frozenset()
# In a title, and after "for the", these name the dish and not an ingredient.
NAMES_OF_DISHES = frozenset({DISH, "pasta"})

_STRANGE = Entry(kind="strange")
_JOIN = Entry(kind="conjunction")
_JOINS = frozenset({"and", "or", "plus", "with", "in", "for", "from"})
_WITHOUT = frozenset({"without", "no"})
_FREE_FROM = frozenset({("free", "from"), ("free", "of")})
_LISTED = frozenset({"and", "or", "nor"})
_CHOICE = frozenset(stem(word) for word in ("if", "preferably", "ideally", "needed", "preferred", "required", "not"))

_ATOM = re.compile(r"[a-z]+|\d+(?:[.,/⁄]\d+)*|[(),;:./+&%–—]|(?<= )-(?= )")  # noqa: RUF001 - the dashes of printed books
_BREAKS = frozenset("(),;:.-–—")  # noqa: RUF001 - as above
_SPELT_OUT = {"%": "percent", "&": "and", "+": "and", "/": "or"}
# "gluten- and dairy-free", and "gluten and dairy free": words of which only the last carries the "free".
_SHARED_FREE = re.compile(
    r"\b(?:(\w+)-(?=,? (?:(?:and|or|&) )?(?:\w+-,? (?:(?:and|or|&) )?){0,8}\w+[- ]free\b)"
    r"|(gluten|dairy|lactose)(?= (?:and|&) \w+[- ]free\b))"
)
_NUMBERED = re.compile(r"\bno\.? ?(?=\d)")
# "gram (chickpea) flour": the aside must not part what the phrase joins.
_ASIDE = re.compile(r"(\([^()]*\)) (flour|starch)\b")
# "100 grams flour" is wheat by weight, not gram (chickpea) flour.
_WEIGHED = re.compile(r"(?<=\d) ?grams?\b")
# "(no mustard, soy or celery)": the commas of such a list end nothing.
_ABSENT_LIST = re.compile(r"\((?:no|without|free from|free of)\b[^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a line contains for sure and what it often contains; `known` is false where it names no food we know."""

    contains: frozenset[str] = NOTHING
    doubts: frozenset[str] = NOTHING
    known: bool = True


@dataclass(slots=True)
class _Clause:
    """The words between two conjunctions: its foods, each with what was promised of it."""

    join: str = ""
    foods: list[tuple[Entry, frozenset[str]]] = field(default_factory=list)
    strange: bool = False
    ahead: frozenset[str] = NOTHING  # promised of the foods still to come
    behind: frozenset[str] = NOTHING  # promised since the last food
    everywhere: frozenset[str] = NOTHING  # promised of the whole clause from outside it

    @property
    def bare(self) -> bool:
        """Only promises, about a food that is named elsewhere."""
        return not self.foods and not self.strange

    def take(self, entry: Entry) -> None:
        """Add the next food or unknown word."""
        self.ahead |= self.behind
        self.behind = NOTHING
        if entry is _STRANGE:
            self.strange = True
        else:
            self.foods.append((entry, self.ahead))

    def promise(self, absent: frozenset[str]) -> None:
        """Add a promise; whether a food follows shows later."""
        if self.bare:
            self.ahead |= absent
        else:
            self.behind |= absent

    def grant(self, given: frozenset[str], *, void: frozenset[str] = NOTHING) -> None:
        """Promise `given` of each food, and take back `void`."""
        self.foods = [(entry, (held - void) | given) for entry, held in self.foods]

    def contents(self) -> tuple[frozenset[str], frozenset[str]]:
        """What the clause contains for sure, and what it may."""
        contains, doubts = set[str](), set[str]()
        for entry, held in self.foods:
            if self.join == "for" and entry.kind in NAMES_OF_DISHES:
                continue
            absent = held | self.behind | self.everywhere
            contains |= entry.contains - absent
            doubts |= entry.doubts - absent
        if not contains.isdisjoint(SEA):
            doubts.discard("meat")  # "tuna steaks", "cod loin": the cut is of the fish
        return frozenset(contains), frozenset(doubts)


def read_line(lexicon: Lexicon, text: str) -> Contents:
    """Return what the ingredient line `text` contains; any text is a line, and an empty one contains nothing."""
    clauses, _ = _read(lexicon, text)
    known = any(clause.foods for clause in clauses) or not any(clause.strange for clause in clauses)
    return _sum(clauses, known=known)


def read_title(lexicon: Lexicon, text: str, absent: frozenset[str] = NOTHING) -> Contents:
    """Return what a title names beside `absent`. A promise in it holds for the whole dish.

    The name of a dish (pie, noodles) raises doubts and claims nothing: the ingredient lines know what is in it.
    """
    clauses, promised = _read(lexicon, text)
    dishes: frozenset[str] = NOTHING
    for clause in clauses:
        clause.everywhere |= promised | absent
        named = [entry for entry, _ in clause.foods if entry.kind in NAMES_OF_DISHES]
        dishes = dishes.union(*(entry.contains | entry.doubts for entry in named)) - clause.everywhere
        clause.foods = [(entry, held) for entry, held in clause.foods if entry not in named]
    contains = _sum(clauses, known=True).contains
    return Contents(contains=contains, doubts=dishes - contains)


def _sum(clauses: Iterable[_Clause], *, known: bool) -> Contents:
    read = [clause.contents() for clause in clauses]
    contains = NOTHING.union(*(sure for sure, _ in read))
    doubts = NOTHING.union(*(unsure for _, unsure in read))
    return Contents(contains=contains, doubts=doubts - contains, known=known)


def _read(lexicon: Lexicon, text: str) -> tuple[list[_Clause], frozenset[str]]:
    """The clauses of `text` that name something, and everything that was promised."""
    read: list[_Clause] = []
    promised = waiting = NOTHING
    for words in _segments(text):
        clauses = _clauses(lexicon, words)
        promised = promised.union(*(clause.ahead | clause.behind for clause in clauses))
        if all(clause.bare for clause in clauses):
            waiting |= _reach_back(read, NOTHING.union(*(clause.ahead for clause in clauses)))
        else:
            left = _reach_forward(clauses, waiting)
            read += [clause for clause in clauses if not clause.bare]
            waiting = NOTHING
            _reach_back(read, left)
    return read, promised


def _reach_back(read: list[_Clause], promise: frozenset[str]) -> frozenset[str]:
    """Give `promise` to the last clause that names a known food; return it when there is none yet."""
    for clause in reversed(read if promise else ()):
        if clause.foods:
            clause.everywhere |= promise
            return NOTHING
    return promise


def _reach_forward(clauses: list[_Clause], waiting: frozenset[str]) -> frozenset[str]:
    """Give promises that stand alone to the food that follows; return those that no food follows."""
    before = _Clause()
    for clause in clauses:
        void = NOTHING
        if clause.join == "or" and before.bare:
            # "Vegan or vegetarian sausages" promise what both have, "vegan or plain" ones nothing.
            waiting, void = waiting & clause.ahead, clause.ahead
        elif clause.join == "or" and not before.foods:  # "plain or gluten-free flour"
            void = clause.ahead
        elif clause.bare:
            waiting |= clause.ahead
        if not clause.bare:
            clause.grant(waiting, void=void)
            waiting = NOTHING
        before = clause
    return waiting


def _segments(text: str) -> Iterator[list[str]]:
    """The stems of `text` between commas, dashes and parentheses; a number becomes `#`."""
    line = _WEIGHED.sub(" g", re.sub(r"'s\b|'", "", fold(text)))
    line = _SHARED_FREE.sub(r"\1\2-free", _NUMBERED.sub("number ", line))
    line = _ABSENT_LIST.sub(lambda found: found[0].replace(",", " and "), _ASIDE.sub(r"\2 \1", line))
    words: list[str] = []
    for atom in _ATOM.findall(line):
        if atom not in _BREAKS:
            words.append("#" if atom[0].isdigit() else stem(_SPELT_OUT.get(atom, atom)))
        elif words:
            yield words
            words = []
    if words:
        yield words


def _clauses(lexicon: Lexicon, words: list[str]) -> list[_Clause]:
    """Read one segment. A promise counts only where the segment leaves no choice."""
    trusted = _CHOICE.isdisjoint(words) and words[0] != "or"
    clauses = [_Clause()]
    at = 0
    while at < len(words):
        entry, length = _next(lexicon, words, at)
        if entry is _JOIN:
            clauses.append(_Clause(join=words[at]))
        elif entry.kind == QUALIFIER:
            clauses[-1].promise(entry.absent if trusted else NOTHING)
        elif entry.kind != GLUE:
            clauses[-1].take(entry)
        at += length
    return clauses


def _next(lexicon: Lexicon, words: list[str], at: int) -> tuple[Entry, int]:
    """The meaning of what stands at `words[at]`, and how many words that takes."""
    found = lexicon.longest(words, at)
    if found is not None:
        return found
    if words[at] in _JOINS:
        return _JOIN, 1
    if words[at] == "#":
        return Entry(kind=GLUE), 1
    first = at + 1 if words[at] in _WITHOUT else at + 2 if tuple(words[at : at + 2]) in _FREE_FROM else len(words)
    absent, end = _named_absent(lexicon, words, first)
    return (Entry(kind=QUALIFIER, absent=absent), end - at) if end > first else (_STRANGE, 1)


def _named_absent(lexicon: Lexicon, words: list[str], first: int) -> tuple[frozenset[str], int]:
    """What "sesame, egg or milk" from `words[first]` promises after a "without", and where that list ends."""
    absent, end = NOTHING, first
    for at in range(first, len(words)):
        said = lexicon.phrases.get((words[at], "free"))
        if said is not None:
            absent, end = absent | said.absent, at + 1
        elif words[at] not in _LISTED:
            break
    return absent, end
