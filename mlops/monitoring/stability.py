"""The population stability index: how differently two samples are spread (Siddiqi 2006, ch. 9). Pure.

Above 0.25 a distribution counts as another one, below 0.1 as the same. Two samples of n and m values of one
distribution in k bins have (k - 1) (1/n + 1/m) on average: with 150 values of each it is 0.12, with 300 it is 0.06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Numbers = Sequence[float] | NDArray[np.float64]

BINS = 10
_RARE = 0.01  # share of both samples below which categories are counted as one


def index_of_numbers(before: Numbers, after: Numbers, *, bins: int = BINS) -> float:
    """The index over bins of equal shares of `before`."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        for values in (before, after)
    ]
    return _index(counts[0], counts[1])


def index_of_categories(before: ArrayLike, after: ArrayLike) -> float:
    """The index over the categories of both samples."""
    return index_of_counts(_counted(before), _counted(after))


def index_of_counts(before: Mapping[Any, int], after: Mapping[Any, int]) -> float:
    """The index over categories that are counted already; rare ones are one."""
    totals = sum(before.values()), sum(after.values())
    rows: list[tuple[int, int]] = []
    rare = [0, 0]
    for name in sorted(before.keys() | after.keys()):
        pair = before.get(name, 0), after.get(name, 0)
        if pair[0] < _RARE * totals[0] and pair[1] < _RARE * totals[1]:
            rare = [rare[0] + pair[0], rare[1] + pair[1]]
        else:
            rows.append(pair)
    table = np.array([*rows, *([tuple(rare)] if any(rare) else [])], dtype=np.int64).reshape(-1, 2)
    return _index(table[:, 0], table[:, 1])


def _counted(values: ArrayLike) -> Mapping[Any, int]:
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _index(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """The sum of (q - p) ln(q / p); half a case is added to each bin, so that an empty one has a logarithm."""
    if not len(before):
        return 0.0
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (before, after))
    return float(((q - p) * np.log(q / p)).sum())
