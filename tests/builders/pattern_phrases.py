"""Every phrase that a regular expression was written for: each alternative, with and without what is optional."""

from __future__ import annotations

from itertools import product
from re import _constants as c  # type: ignore[attr-defined] # there is no public parser of patterns
from re import _parser  # type: ignore[attr-defined]
from typing import Any

_MEMBERS = {c.CATEGORY_DIGIT: "3", c.CATEGORY_WORD: "x", c.CATEGORY_SPACE: " "}


def phrases(pattern: str) -> set[str]:
    """What `pattern` matches, repetitions at their least and once more; what it looks at around a match is left out."""
    return _of(_parser.parse(pattern))


def _of(nodes: Any) -> set[str]:
    parts = [_one(kind, value) for kind, value in nodes]
    return {"".join(chosen) for chosen in product(*parts)}


def _one(kind: Any, value: Any) -> set[str]:
    if kind is c.LITERAL:
        return {chr(value)}
    if kind is c.IN:
        return {_member(*each) for each in value}
    if kind is c.BRANCH:
        return {phrase for nodes in value[1] for phrase in _of(nodes)}
    if kind is c.SUBPATTERN:
        return _of(value[-1])
    if kind is c.MAX_REPEAT:
        least, most, nodes = value
        counts = {least, min(most, least + 1)}
        return {"".join(chosen) for count in counts for chosen in product(_of(nodes), repeat=count)}
    if kind in {c.AT, c.ASSERT, c.ASSERT_NOT}:
        return {""}
    raise ValueError(f"nothing is known of {kind} in a pattern")


def _member(kind: Any, value: Any) -> str:
    """One character of a class."""
    if kind is c.LITERAL:
        return chr(value)
    if kind is c.RANGE:
        return chr(value[0])
    if kind is c.CATEGORY:
        return _MEMBERS[value]
    raise ValueError(f"nothing is known of {kind} in a class")
