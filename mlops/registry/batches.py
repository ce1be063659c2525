"""Cuts a run's numbers into the batches that MLflow takes. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.registry.backend import RunRecord

# MLflow's own limits are 1000 metrics, but 100 parameters and tags (mlflow/utils/validation.py).
LARGEST_BATCH = 100
LONGEST_PARAM = 6000
Value = TypeVar("Value")


class Point(NamedTuple):
    """One number of a metric; `step` counts trees, steps of training, and the like."""

    key: str
    value: float
    step: int = 0


def run_batches(record: RunRecord) -> Iterator[tuple[list[Point], dict[str, str]]]:
    """Yield points of metrics and parameters to log together; at least nothing, at most a batch of each."""
    points = [Point(key, value) for key, value in record.metrics.items()]
    points += [Point(key, value, step) for key, curve in record.curves.items() for step, value in enumerate(curve)]
    yield from ((batch, {}) for batch in _cut(points))
    params = ((key, value[:LONGEST_PARAM]) for key, value in record.params.items())
    yield from (([], dict(batch)) for batch in _cut(params))


def _cut(values: Iterable[Value]) -> Iterator[list[Value]]:
    items = iter(values)
    while batch := list(islice(items, LARGEST_BATCH)):
        yield batch
