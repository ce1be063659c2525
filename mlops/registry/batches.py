"""Cuts a run's numbers into the batches that MLflow takes. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.registry.backend import RunRecord

# MLflow's own limits are 1000 metrics, but 100 parameters and tags (mlflow/utils/validation.py).
LARGEST_BATCH = 100
LONGEST_PARAM = 6000
Value = TypeVar("Value")


def run_batches(record: RunRecord) -> Iterator[tuple[dict[str, float], dict[str, str]]]:
    """Yield metrics and parameters to log together; at least nothing, at most a batch of each."""
    params = {key: value[:LONGEST_PARAM] for key, value in record.params.items()}
    yield from ((batch, {}) for batch in _cut(record.metrics))
    yield from (({}, batch) for batch in _cut(params))


def _cut(values: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    items = iter(values.items())
    while batch := dict(islice(items, LARGEST_BATCH)):
        yield batch
