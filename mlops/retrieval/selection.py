"""The highest of many scores, without sorting them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel


def highest(
    scores: NDArray[np.float32], passed: NDArray[np.bool_] | None, floor: float, depth: int, kernel: Kernel | None
) -> NDArray[np.int64]:
    """Return the `depth` places of the highest `scores` above `floor` that `passed` (None: all), in no order.

    Ties at the edge go to the lower place.
    """
    if kernel is not None:
        return kernel.top(scores, passed, floor, depth)
    kept = scores > floor if passed is None else passed & (scores > floor)
    chosen = np.flatnonzero(kept)
    if len(chosen) <= depth:
        return chosen
    edge = np.partition(scores[chosen], len(chosen) - depth)[len(chosen) - depth]
    above = chosen[scores[chosen] > edge]
    return np.concatenate([above, chosen[scores[chosen] == edge][: depth - len(above)]])


def distinct(places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return what is in any of `places`, ascending; np.unique does the same in five times the time."""
    merged = np.concatenate(places)
    merged.sort()
    return np.concatenate([merged[:1], merged[1:][merged[1:] != merged[:-1]]])
