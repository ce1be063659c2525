"""What is compared of two windows: numbers, categories, words and meaning. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.drift.windows import QueryEvent, Value, Window

KINDS = 50  # a field of more different words than that is an id or a text
PRESENT = 0.5  # share of the lines of both windows that must have a field
TERMS = 300
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Of one window, in the order of its queries: numbers float64 (queries with it,), categories (queries,)."""

    numbers: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, tuple[str, ...]]


def features(
    reference: Window, current: Window, detect: Callable[[str], str] | None = None
) -> tuple[Features, Features]:
    """Describe both windows by the same features; `detect` names the language of a query whose line does not."""
    fields = _shared(reference, current)
    return _described(reference, fields, detect), _described(current, fields, detect)


def words(query: str) -> list[str]:
    """The words of a query, folded to lower case."""
    return _WORD.findall(query.lower())


def terms(
    reference: Sequence[QueryEvent], current: Sequence[QueryEvent]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Which queries hold which of the commonest words: two matrices of 0 and 1, float64 (queries, words)."""
    both = [[set(words(event.query)) for event in window] for window in (reference, current)]
    counted = Counter(word for window in both for found in window for word in found)
    # Ties in the order of the alphabet: the same files give the same answer.
    chosen = [word for word, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:TERMS]]
    place = {word: column for column, word in enumerate(chosen)}
    left, right = (np.zeros((len(window), len(chosen))) for window in both)
    for matrix, window in ((left, both[0]), (right, both[1])):
        for row, found in enumerate(window):
            matrix[row, [place[word] for word in found if word in place]] = 1.0
    return left, right


def _shared(reference: Window, current: Window) -> dict[str, bool]:
    """The fields that most lines of both windows have, and whether they are numbers; ids are none."""
    found: dict[str, bool] = {}
    names = [Counter(name for event in window.events for name in event.fields) for window in (reference, current)]
    for name in sorted(names[0].keys() & names[1].keys()):
        values = [_values(window, name) for window in (reference, current)]
        if any(
            len(part) < PRESENT * len(window.events) for part, window in zip(values, (reference, current), strict=True)
        ):
            continue
        every = [*values[0], *values[1]]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in every)
        if numeric or len({str(value) for value in every}) <= KINDS:
            found[name] = numeric
    return found


def _values(window: Window, name: str) -> list[Value]:
    return [event.fields[name] for event in window.events if name in event.fields]


def _described(window: Window, fields: Mapping[str, bool], detect: Callable[[str], str] | None) -> Features:
    numbers = {
        "words in a query": np.array([len(event.query.split()) for event in window.events], dtype=np.float64),
        "characters in a query": np.array([len(event.query) for event in window.events], dtype=np.float64),
    }
    categories = {"language": tuple(language_of(event, detect) for event in window.events)}
    for name, numeric in fields.items():
        if numeric:
            numbers[name] = np.array([float(value) for value in _values(window, name)], dtype=np.float64)
        else:
            categories[name] = tuple(str(event.fields.get(name, "(none)")) for event in window.events)
    return Features(numbers=numbers, categories=categories)


def language_of(event: QueryEvent, detect: Callable[[str], str] | None) -> str:
    """The language that a line says, else what `detect` says of its query."""
    if event.language not in (None, "auto") or detect is None:
        return event.language or "(none)"
    return detect(event.query)
