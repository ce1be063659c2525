"""Pydantic's findings in the words of the person who wrote the manifest: path, reason, and what was probably meant."""

import difflib
import types
import typing
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from controller.resource.problems import Broken, Path, Problem

_SAID = {
    "missing": "is required",
    "int_type": "must be a whole number, is {input}",
    "int_from_float": "must be a whole number, is {input}",
    "int_parsing_size": "is far too large",
    "string_type": 'must be text, is {input}; put it in quotes: "{input}"',
    "bool_type": "must be true or false, is {input}",
    "dataclass_type": "must be a mapping, is {input}",
    "tuple_type": "must be a list, is {input}",
    "greater_than_equal": "{input} is too small; the least is {ge}",
    "less_than_equal": "{input} is too large; the most is {le}",
    "too_long": "has {actual_length} entries; at most {max_length} are allowed",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "must not be empty",
}


def problems_of(error: ValidationError, kind: type, above: Path) -> tuple[Problem, ...]:
    """Translate all findings about a `kind`; `above` is the path of the value in its document."""
    found = [
        problem.below(above)
        for detail in error.errors(include_url=False)
        for problem in _translated(typing.cast("dict[str, Any]", detail), kind)
    ]
    return tuple(sorted(found, key=lambda problem: [str(part).zfill(4) for part in problem.path]))


def unknown_field(name: str, known: list[str]) -> str:
    """Say that a field is unknown, and which known one was probably meant."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6) or difflib.get_close_matches(
        to_camel(name), known, n=1, cutoff=0.6
    )
    return (
        f"unknown field; did you mean {close[0]}?" if close else f"unknown field; known are {', '.join(sorted(known))}"
    )


def field_names(kind: Any) -> list[str]:
    """The names of a value's fields as they are written in YAML."""
    return [to_camel(entry.name) for entry in fields(kind)]


def _translated(detail: dict[str, Any], kind: type) -> Iterator[Problem]:
    path: Path = detail["loc"][1:]  # the codec wraps the value into a container
    context = detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Broken):
        yield from (problem.below(path) for problem in cause.problems)
    elif cause is not None:
        yield Problem(path, str(cause))
    elif detail["type"] == "unexpected_keyword_argument":
        holder = _type_at(kind, path[:-1])
        yield Problem(path, unknown_field(str(path[-1]), field_names(holder)))
    elif detail["type"] == "enum":
        yield Problem(path, _not_one_of(detail["input"], context["expected"]))
    else:
        template = _SAID.get(detail["type"], "{msg}")
        yield Problem(path, template.format(input=_shown(detail["input"]), msg=detail["msg"], **context))


def _not_one_of(value: object, expected: str) -> str:
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    close = difflib.get_close_matches(str(value).capitalize(), choices, n=1, cutoff=0.6)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"{_shown(value)} is none of {', '.join(choices)}{meant}"


def _shown(value: object) -> str:
    """A value in a message: JSON's words for nothing and truth, and never more than a line."""
    words: dict[object, str] = {None: "empty", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - a line


def _type_at(kind: Any, path: Path) -> Any:
    """The type of the value at `path` inside a `kind`."""
    for part in path:
        if isinstance(part, str):
            hints = typing.get_type_hints(kind)
            kind = next(hint for name, hint in hints.items() if to_camel(name) == part)
        kind = _stripped(kind)
    return kind


def _stripped(hint: Any) -> Any:
    """`X | None` and `tuple[X, ...]` without what is around X."""
    while typing.get_origin(hint) in (typing.Union, types.UnionType, tuple):
        hint = next(part for part in typing.get_args(hint) if part not in (type(None), ...))
    return hint
