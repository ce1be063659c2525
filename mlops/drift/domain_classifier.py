"""Can a classifier tell which window a query's meaning is from? Alone in importing scikit-learn here.

Reference: Lopez-Paz and Oquab 2017 (C2ST); Rabanser, Günnemann and Lipton 2019, "Failing Loudly".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
RESAMPLES = 200


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
    is by a bootstrap over texts.
    """
    vectors = np.vstack([reference, current])
    labels = np.repeat([0, 1], [len(reference), len(current)])
    scores, fold_of = np.zeros(len(labels)), np.full(len(labels), -1)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (learned, held) in enumerate(folds.split(vectors, labels, groups)):
        model = LogisticRegression(class_weight="balanced", max_iter=500)
        if len(np.unique(labels[learned])) > 1:
            scores[held] = model.fit(vectors[learned], labels[learned]).decision_function(vectors[held])
            fold_of[held] = number
    rng = np.random.default_rng(seed)
    _, texts = np.unique(groups, return_inverse=True)
    drawn = []
    for _ in range(RESAMPLES):
        weights = rng.multinomial(texts.max() + 1, np.full(texts.max() + 1, 1 / (texts.max() + 1)))[texts].astype(
            np.float64
        )
        drawn.append(_area(labels, scores, fold_of, weights))
    return Separation(auc=_area(labels, scores, fold_of, np.ones(len(labels))), error=float(np.nanstd(drawn)))


def _area(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    fold_of: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> float:
    """The mean over the folds: scores of two folds are from two models and do not compare."""
    areas = []
    for fold in range(FOLDS):
        inside = (fold_of == fold) & (weights > 0)
        if len(np.unique(labels[inside])) > 1:
            areas.append(roc_auc_score(labels[inside], scores[inside], sample_weight=weights[inside]))
    return float(np.mean(areas)) if areas else 0.5
