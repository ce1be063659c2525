"""Learns the query adapter: chosen recipes come closer to the query, skipped and random ones move away.

Listwise softmax over what was shown and some random recipes (InfoNCE, van den Oord et al. 2018), the identity as the
start, Adam by hand: a 384 x 384 matrix needs no framework. Documents stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.retrieval.adapter import QueryAdapter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TEMPERATURE = 0.05
# Holds the adapter near the identity. Less of it fits the clicks and loses dishes asked for by name.
RIDGE = 30.0
STEPS = 50
RATE = 0.002
BATCH = 256
SHOWN = 40
RANDOM = 128
_MOST_CLICKS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """One query: its vector float32 (dimension,), documents that were shown, and how relevant each is (0: skipped)."""

    vector: NDArray[np.float32]
    documents: NDArray[np.intp]
    relevance: NDArray[np.float32]
    clicks: int


def train_adapter(
    lessons: Sequence[Lesson], vectors: NDArray[np.float32], seed: int
) -> tuple[QueryAdapter, tuple[float, ...]]:
    """Learn from `lessons`, each with something relevant; `vectors` float32 (recipes, dimension) of unit length.

    The adapter comes with the weighted cross-entropy before each step, of the queries drawn for it.
    """
    dimension = vectors.shape[1]
    weights = np.zeros((dimension, dimension), dtype=np.float32)
    if not lessons:
        return QueryAdapter(weights), ()
    losses = []
    rng = np.random.default_rng(seed)
    data = _Data.of(lessons)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        chosen = np.arange(len(lessons))
        if len(lessons) > BATCH:
            chosen = np.sort(rng.choice(len(lessons), BATCH, replace=False))
        random = rng.choice(len(vectors), min(RANDOM, len(vectors)), replace=False)
        gradient, loss = _gradient(weights, data.rows(chosen), vectors, np.asarray(vectors[np.sort(random)]))
        losses.append(round(loss, 5))
        gradient += RIDGE * 2 * weights / dimension
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        corrected = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-7)
        weights = (weights - RATE * corrected).astype(np.float32)
    return QueryAdapter(weights), tuple(losses)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    """Lessons as arrays: queries (n, d); documents, their targets and whether there is one (n, SHOWN); weights (n,)."""

    queries: NDArray[np.float32]
    documents: NDArray[np.intp]
    targets: NDArray[np.float32]
    there: NDArray[np.bool_]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, lessons: Sequence[Lesson]) -> _Data:
        shape = (len(lessons), SHOWN)
        documents = np.zeros(shape, dtype=np.intp)
        targets = np.zeros(shape, dtype=np.float32)
        there = np.zeros(shape, dtype=np.bool_)
        for row, lesson in enumerate(lessons):
            best = np.argsort(-lesson.relevance, kind="stable")[:SHOWN]
            documents[row, : len(best)] = lesson.documents[best]
            targets[row, : len(best)] = lesson.relevance[best] / lesson.relevance[best].sum()
            there[row, : len(best)] = True
        weights = np.sqrt(np.array([min(lesson.clicks, _MOST_CLICKS) for lesson in lessons], dtype=np.float32))
        queries = np.stack([lesson.vector for lesson in lessons])
        return cls(queries=queries, documents=documents, targets=targets, there=there, weights=weights)

    def rows(self, chosen: NDArray[np.intp]) -> _Data:
        weights = self.weights[chosen]
        return _Data(
            queries=self.queries[chosen],
            documents=self.documents[chosen],
            targets=self.targets[chosen],
            there=self.there[chosen],
            weights=weights / weights.sum(),
        )


def _gradient(
    weights: NDArray[np.float32], data: _Data, vectors: NDArray[np.float32], random: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float]:
    """The gradient of the weighted cross-entropy between targets and softmax(cosine / temperature), and its value."""
    turned = data.queries + data.queries @ weights.T
    norms = np.linalg.norm(turned, axis=1, keepdims=True)
    units = turned / norms
    shown = vectors[data.documents]
    logits = np.concatenate(
        [np.where(data.there, (shown @ units[:, :, None])[:, :, 0], -np.inf), units @ random.T], axis=1
    )
    logits = (logits - logits.max(axis=1, keepdims=True)) / TEMPERATURE
    errors = np.exp(logits)
    errors /= errors.sum(axis=1, keepdims=True)
    hits = np.where(data.targets > 0, np.log(np.maximum(errors[:, :SHOWN], 1e-30)), 0.0)
    loss = -float(((data.targets * hits).sum(axis=1) * data.weights).sum())
    errors[:, :SHOWN] -= data.targets
    errors *= data.weights[:, None] / TEMPERATURE
    pull = (errors[:, None, :SHOWN] @ shown)[:, 0, :] + errors[:, SHOWN:] @ random
    pull = (pull - (pull * units).sum(axis=1, keepdims=True) * units) / norms
    gradient: NDArray[np.float32] = pull.T @ data.queries
    return gradient, loss
