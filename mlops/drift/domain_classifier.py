"""Can a classifier tell which window a query's meaning is from? Alone in importing scikit-learn here.

Reference: Lopez-Paz and Oquab 2017 (C2ST); Rabanser, Günnemann and Lipton 2019, "Failing Loudly".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
RESAMPLES = 200
LEAST_TEXTS = 4 * FOLDS  # with a dozen, chance told equal windows apart in 2 of 25


@dataclass(frozen=True, slots=True)
class Separation:
    """The area under the ROC curve on held-out queries: 0.5 tells nothing apart. `error` is its standard error."""

    auc: float
    error: float


def separation(
    reference: NDArray[np.float32], current: NDArray[np.float32], groups: NDArray[np.int64], seed: int
) -> Separation:
    """Train on four fifths and judge on the fifth, five times over.

    Vectors are float32 (queries, dimension); `groups` int64 (reference + current,) numbers the texts: the same text is
    never both learned and judged, or a query that one person repeats would tell the windows apart. The standard error
    is by a bootstrap over texts. Fewer than twenty different texts tell nothing apart.
    """
    if len(np.unique(groups)) < LEAST_TEXTS:
        return Separation(auc=0.5, error=0.0)
    vectors = np.vstack([reference, current])
    labels = np.repeat([0, 1], [len(reference), len(current)])
    scores, fold_of = np.zeros(len(labels)), np.full(len(labels), -1)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (learned, held) in enumerate(folds.split(vectors, labels, groups)):
        model = LogisticRegression(class_weight="balanced", max_iter=500)
        if len(np.unique(labels[learned])) > 1:
            scores[held] = model.fit(vectors[learned], labels[learned]).decision_function(vectors[held])
            fold_of[held] = number
    _, texts = np.unique(groups, return_inverse=True)
    count = int(texts.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    areas = np.array(
        [
            weighted_areas(labels[inside], scores[inside], np.vstack([np.ones(count), drawn])[:, texts[inside]])
            for fold in range(FOLDS)
            if len(np.unique(labels[inside := fold_of == fold])) > 1
        ]
    )
    # The mean over the folds: scores of two folds are from two models and do not compare.
    known = np.isfinite(areas)
    means = np.divide(
        np.where(known, areas, 0.0).sum(axis=0),
        known.sum(axis=0),
        out=np.full(RESAMPLES + 1, 0.5),
        where=known.any(axis=0),
    )
    return Separation(auc=float(means[0]), error=float(np.std(means[1:])))


def weighted_areas(
    labels: NDArray[np.int64], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The area under the ROC curve for each row of `weights` (rows, queries); NaN where one of both labels weighs none.

    It is the share of pairs in which label 1 scores higher, a tie being half (Hanley and McNeil 1982): one sort for all
    rows, where scikit-learn's sorts for each.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    ones, zeros = (
        np.add.reduceat((weights * (labels == label))[:, order], starts, axis=1, dtype=np.float64) for label in (1, 0)
    )
    won = (ones * (np.cumsum(zeros, axis=1) - zeros / 2)).sum(axis=1)
    pairs = ones.sum(axis=1) * zeros.sum(axis=1)
    areas: NDArray[np.float64] = np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return areas
