"""Predictions against the truth: decisions to recommend, and ratings. The only importer of scikit-learn here.

A recommendation is a decision on every recipe of the corpus: the first ten of an answer are predicted positive, all
others negative. Truly positive is what is judged with grade >= 1; what nobody judged counts as irrelevant.

| | grade >= 1 | else |
|---|---|---|
| among the first ten | tp | fp |
| not among them | fn | tn = recipes of the corpus that are in none of the other three |

Counts are summed over the queries first (micro average), so a query weighs as much as it has relevant recipes;
specificity = tn / (tn + fp). Means by query are in `mlops.evaluation.ranking`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    recall_score,
    root_mean_squared_error,
)

from mlops.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.evaluation.results import Counts

_LEAST_FOR_R2 = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Of all decisions; accuracy and specificity are None where the size of the corpus is not known.

    A quotient of nothing (precision when nothing was recommended) is 0.
    """

    accuracy: float | None
    precision: float
    recall: float
    f1: float
    specificity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingErrors:
    """Predicted against given ratings; `r2` is None for fewer than two ratings."""

    n: int
    mse: float
    mae: float
    rmse: float
    r2: float | None


def classify(counts: Counts) -> Classification:
    """Summarise the four kinds of decision, each standing for as many rows as it counts; one must count something."""
    truth, predicted = (1, 0, 1, 0), (1, 1, 0, 0)
    weights = (counts.tp, counts.fp, counts.fn, counts.tn or 0)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, sample_weight=weights, average="binary", zero_division=0.0
    )
    whole = counts.tn is not None
    return Classification(
        accuracy=float(accuracy_score(truth, predicted, sample_weight=weights)) if whole else None,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        specificity=float(recall_score(truth, predicted, pos_label=0, sample_weight=weights, zero_division=0.0))
        if whole
        else None,
    )


def rating_errors(predicted: Sequence[float], given: Sequence[float]) -> RatingErrors | None:
    """Compare ratings pairwise; None where there are none: an error is never made up from ranks or clicks.

    Raises Invalid when the two do not pair up.
    """
    if len(predicted) != len(given):
        raise Invalid(f"{len(predicted)} predicted and {len(given)} given ratings do not pair up")
    if not given:
        return None
    return RatingErrors(
        n=len(given),
        mse=float(mean_squared_error(given, predicted)),
        mae=float(mean_absolute_error(given, predicted)),
        rmse=float(root_mean_squared_error(given, predicted)),
        r2=float(r2_score(given, predicted)) if len(given) >= _LEAST_FOR_R2 else None,
    )
