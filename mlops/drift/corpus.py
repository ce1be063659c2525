"""Did the recipes change? The reference profiles of two artefacts, feature by feature. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.monitoring.stability import index_of_counts, index_of_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How differently a feature of the recipes is spread: its population stability index."""

    feature: str
    index: float


def corpus_shifts(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Shift, ...]:
    """The features of both profiles (`mlops.artifact.profile`), the one that shifted most first.

    None of them where a profile is of an earlier form, without the counts that can be compared.
    """
    return tuple(sorted(_shifts(before, now), key=lambda shift: (-shift.index, shift.feature)))


def _shifts(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Shift]:
    numbers = before.get("histograms", {}), now.get("histograms", {})
    for feature in sorted(numbers[0].keys() & numbers[1].keys()):
        left, right = (_values(each[feature]) for each in numbers)
        if len(left) and len(right):
            yield Shift(feature=feature, index=index_of_numbers(left, right))
    if numbers[0] and numbers[1]:
        for feature in sorted(before["counts"].keys() & now["counts"].keys()):
            yield Shift(feature=feature, index=index_of_counts(before["counts"][feature], now["counts"][feature]))


def _values(histogram: Mapping[str, int]) -> NDArray[np.float64]:
    """The values that were counted."""
    return np.repeat(np.array([*histogram], dtype=np.float64), np.array([*histogram.values()], dtype=np.int64))
