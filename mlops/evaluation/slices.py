"""The same metrics for parts of the queries: a mean can rise while one kind of query is lost. Pure."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.evaluation.results import QueryResult


def _length(result: QueryResult) -> str:
    return _bucket(result.words, (2, 5), "words")


def _relevant(result: QueryResult) -> str:
    return _bucket(result.relevant, (1, 10), "relevant")


def _bucket(number: int, limits: tuple[int, int], unit: str) -> str:
    first, second = limits
    if number <= first:
        return f"up to {first} {unit}"
    return f"{first + 1} to {second} {unit}" if number <= second else f"over {second} {unit}"


# Each dimension names the slice that a query belongs to.
DIMENSIONS: Mapping[str, Callable[[QueryResult], str]] = {
    "kind": lambda result: result.kind,
    "language": lambda result: result.language,
    "diet": lambda result: result.diet,
    "items": lambda result: "rare" if result.rare else "common",
    "length": _length,
    "relevant": _relevant,
}


def means(results: Sequence[QueryResult]) -> dict[str, float]:
    """The mean of each metric of a query; every result must hold the same metrics."""
    return {name: fmean(result.values[name] for result in results) for name in results[0].values}


def slices(results: Sequence[QueryResult]) -> dict[str, dict[str, dict[str, float]]]:
    """Dimension -> slice -> the means, the sums of tp, fp and fn, and `n`; slices in alphabetical order."""
    return {dimension: _by(key, results) for dimension, key in DIMENSIONS.items()}


def _by(key: Callable[[QueryResult], str], results: Sequence[QueryResult]) -> dict[str, dict[str, float]]:
    parts: dict[str, list[QueryResult]] = defaultdict(list)
    for result in results:
        parts[key(result)].append(result)
    return {
        name: {
            "n": len(part),
            **means(part),
            "tp": sum(result.counts.tp for result in part),
            "fp": sum(result.counts.fp for result in part),
            "fn": sum(result.counts.fn for result in part),
        }
        for name, part in sorted(parts.items())
    }
