"""From a row of whatever to a Recipe, or to the reasons why not: texts cleaned, words translated, schema applied.

The rules are those of `mlops/data_schema.json`. It is checked with jsonschema, compiled once: the 46,370 rows of the
archive take 9 s on one core. jsonschema-rs takes 0.1 s, fastjsonschema 0.3 s but without drafts after 7; neither is
worth a second validator among the dependencies while an import is a matter of seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from mlops.corpus.quantities import minutes_of, servings_of
from mlops.corpus.rows import BadRow, RawRow, shown
from mlops.corpus.texts import clean, folded, text_fault
from mlops.corpus.vocabulary import our_word, with_implied
from mlops.recipe import ALLERGENS, DIETS, SEASONS, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jsonschema import ValidationError

SCHEMA_FILE = "data_schema.json"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NAMED_FAULTS = 10
_SHOWN_VALUE = 60
_LOWER_CASE = ("cuisine", "course")
_ORDERS: Mapping[str, Sequence[str]] = {"diets": DIETS, "allergens": ALLERGENS, "season": SEASONS}
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
_WANTED = {"string": "text", "integer": "a whole number", "array": "a list", "object": "an object"}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One broken rule: the JSON path of the value (`ingredients[3]`) and the reason in plain words."""

    field: str
    reason: str


def load_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a recipe row."""
    schema: dict[str, Any] = json.loads(resources.files("mlops").joinpath(SCHEMA_FILE).read_bytes())
    return schema


class RowChecks:
    """The rules for a row, compiled once for many rows."""

    def __init__(self, schema: dict[str, Any]) -> None:
        Draft202012Validator.check_schema(schema)
        self._fields = tuple(schema["properties"])
        self._validator = Draft202012Validator(schema)

    @classmethod
    def load(cls) -> RowChecks:
        """The rules that ship with the package."""
        return cls(load_schema())

    def problems(self, fields: Mapping[str, Any]) -> list[Problem]:
        """Hold a row under our names against the schema; an empty list means that it passed."""
        found = {problem for error in self._validator.iter_errors(fields) for problem in _in_words(error)}
        return sorted(found)

    def judge(self, raw: RawRow) -> Recipe | BadRow:
        """Return the recipe that a row is, or the row with every reason why it is none."""
        try:
            return self._judge(raw)
        except RecursionError:  # a value may be nested as deep as its parser could just bear
            return BadRow(line=raw.line, reason="is nested too deeply", raw=shown(raw.raw))

    def _judge(self, raw: RawRow) -> Recipe | BadRow:
        row, problems = self._cleaned(raw.fields)
        spoilt = {problem.field for problem in problems}
        problems += [problem for problem in self.problems(row) if problem.field not in spoilt]
        if problems:
            first, *others = problems
            also = tuple(f"{problem.field} {problem.reason}" for problem in others[: _NAMED_FAULTS - 1])
            return BadRow(line=raw.line, field=first.field, reason=first.reason, raw=shown(raw.raw), also=also)
        if "id" not in row:
            row["id"] = derived_id(row["title"], row["ingredients"])
        return Recipe.from_row(row)

    def _cleaned(self, fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """The row with clean texts, read numbers and our words; problems are what cannot be cleaned."""
        row: dict[str, Any] = {}
        problems: list[Problem] = []
        for field in self._fields:
            value = fields.get(field)
            if value is None or value != value:  # noqa: PLR0124 - NaN, which data frames write for an absent number
                continue
            if field == "id":
                value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
                if not (isinstance(value, str) and _ID.fullmatch(value.strip())):
                    continue
            row[field] = _cleaned_value(field, value, problems)
        return row, problems


def derived_id(title: str, ingredients: Sequence[str]) -> str:
    """The id of a recipe that came without one: the same for the same recipe in whatever file, case or accents."""
    text = "\n".join([folded(title), *map(folded, ingredients)])
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _cleaned_value(field: str, value: Any, problems: list[Problem]) -> Any:
    if isinstance(value, list):
        items = [_cleaned_text(f"{field}[{number}]", field, item, problems) for number, item in enumerate(value)]
        return _ordered(field, items)
    if isinstance(value, str):
        text = _cleaned_text(field, field, value, problems)
        reader = _READERS.get(field)
        if reader is None or (problems and problems[-1].field == field):
            return text
        number = reader(text)
        if number is None:
            problems.append(Problem(field, f"is {_quoted(value)}, which cannot be read as {_READABLE[field]}"))
            return text
        return number
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _cleaned_text(path: str, field: str, value: Any, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return value
    fault = text_fault(value)
    if fault is not None:
        problems.append(Problem(path, fault))
        return value
    if field in _ORDERS or field == "difficulty":
        return our_word(field, value)
    text = clean(value)
    return text.lower() if field in _LOWER_CASE else text


def _ordered(field: str, items: list[Any]) -> list[Any]:
    """Without repeats where the order says nothing, and in the vocabulary's order where there is one."""
    order = _ORDERS.get(field)
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items) or (order is None and field != "tags"):
        return items
    if order is None or not set(texts) <= set(order):
        return list(dict.fromkeys(texts))
    chosen = with_implied(texts) if field == "diets" else set(texts)
    return [word for word in order if word in chosen]


_READERS: Mapping[str, Callable[[str], int | None]] = {"minutes": minutes_of, "servings": servings_of}
_READABLE = {
    "minutes": "a time; write minutes, 1 h 20 min or PT1H20M",
    "servings": "a number of people; write 4 or 4 servings",
}


def _in_words(error: ValidationError) -> list[Problem]:
    """Say what a schema violation means; what this does not know is said by jsonschema itself, cut."""
    rule: Any = error.validator_value
    value: Any = error.instance
    if error.validator == "required":
        return [Problem(name, "is missing") for name in rule if name not in value]
    phrase = _PHRASES.get(str(error.validator))
    return [Problem(_path(error), phrase(value, rule) if phrase else error.message[:200])]


_PHRASES: Mapping[str, Callable[[Any, Any], str]] = {
    "type": lambda value, rule: f"must be {_WANTED.get(rule, rule)}, not {_kind(value)}",
    "enum": lambda value, rule: f"is {_quoted(value)}, must be one of {', '.join(rule)}",
    "minLength": lambda _, rule: f"is shorter than {rule} characters",
    "maxLength": lambda value, rule: f"has {len(value):,} characters, at most {rule:,} are allowed",
    "minItems": lambda value, rule: f"has {len(value):,} items, at least {rule:,} are needed",
    "maxItems": lambda value, rule: f"has {len(value):,} items, at most {rule:,} are allowed",
    "minimum": lambda value, rule: f"is {_quoted(value)}, at least {rule:,} is needed",
    "maximum": lambda value, rule: f"is {_quoted(value)}, at most {rule:,} is allowed",
    "pattern": lambda value, rule: f"is {_quoted(value)}, must have the form {rule}",
}


def _path(error: ValidationError) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return text.removeprefix(".")


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {_quoted(value)}"
    return _KINDS.get(type(value), type(value).__name__)


def _quoted(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else _KINDS.get(type(value), type(value).__name__)
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}…"
