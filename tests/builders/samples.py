"""Samples as what looks at them takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.monitoring.columns import Columns, SampleQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.monitoring.statistics import Sample


def columns_of(samples: Iterable[Sample]) -> Columns:
    """All of `samples`, by columns."""
    given = list(samples)
    queue = SampleQueue(len(given))
    for sample in given:
        queue.append(sample)
    return queue.columns()
