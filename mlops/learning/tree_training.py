"""LambdaMART (Burges 2010) by LightGBM, its only importer: seeded, on one thread, the same trees each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np

from mlops.learning.tree_graph import tree_graph
from mlops.retrieval.features import FEATURES
from mlops.retrieval.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ROUNDS = 150
# Grades are the estimate in twentieths: LambdaMART wants whole numbers.
STEPS = 20
HIGHEST = 31
_PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "label_gain": list(range(HIGHEST + 1)),
    "lambdarank_truncation_level": 20,
    "metric": "ndcg",
    "eval_at": [10],
    "monotone_constraints": list(FEATURES.values()),
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """The recipes of one query: features float32 (recipes, features), estimates 0..1 and weights float32 (recipes,)."""

    rows: NDArray[np.float32]
    estimates: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grown:
    """Trees as a serialised graph, ready to score, and what each feature was worth (gain, as a share).

    The curves are NDCG@10 after each tree, on what was trained on and on what was held out (empty without).
    """

    graph: bytes
    trees: Trees
    importance: dict[str, float]
    curve: tuple[float, ...]
    held_out_curve: tuple[float, ...]


def grow(groups: Sequence[Group], seed: int, held_out: Sequence[Group] = ()) -> Grown:
    """Learn to order each group by its estimates; there must be at least one group. `held_out` is only measured."""
    data = _dataset(groups)
    measured = {"trained": data}
    if held_out:
        measured["held_out"] = _dataset(held_out, data)
    curves: dict[str, dict[str, list[float]]] = {}
    booster = lightgbm.train(
        {**_PARAMETERS, "seed": seed},
        data,
        ROUNDS,
        valid_sets=list(measured.values()),
        valid_names=list(measured),
        callbacks=[lightgbm.record_evaluation(curves)],
    )
    graph = tree_graph(booster.dump_model())
    gains = booster.feature_importance("gain")
    total = float(gains.sum()) or 1.0
    importance = {name: round(float(gain) / total, 4) for name, gain in zip(FEATURES, gains, strict=True)}
    return Grown(
        graph=graph,
        trees=Trees(graph),
        importance=importance,
        curve=_rounded(curves["trained"]),
        held_out_curve=_rounded(curves.get("held_out", {})),
    )


def _dataset(groups: Sequence[Group], reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    estimates = np.concatenate([group.estimates for group in groups])
    return lightgbm.Dataset(
        np.concatenate([group.rows for group in groups]),
        np.minimum(np.rint(estimates * STEPS), HIGHEST).astype(np.int32),
        weight=np.concatenate([group.weights for group in groups]),
        group=[len(group.rows) for group in groups],
        feature_name=list(FEATURES),
        reference=reference,
    )


def _rounded(curve: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in curve.get("ndcg@10", ()))
