"""The second look at what hybrid retrieval found: candidates in the order that users' feedback taught.

What was promised stays so: filters were applied before, and for a pantry a recipe with more of the things still stands
before one with fewer. The score is (things had + sigmoid(trees)) / (things + 1), between 0 and 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.errors import TRAIN_AGAIN, Permanent
from mlops.retrieval.adapter import QueryAdapter
from mlops.retrieval.features import FEATURES, Shelf, candidates, features
from mlops.retrieval.fusion import Fused, Ranking
from mlops.retrieval.term_fields import TermFields
from mlops.retrieval.trees import Trees

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.retrieval.features import Seen

ADAPTER_FILE = "adapter.npy"
TREES_FILE = "trees.onnx"
SETTINGS_FILE = "learned.json"
NAME = "learned"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedRanking:
    """Adapter, trees, and what the features are read from."""

    adapter: QueryAdapter
    trees: Trees
    shelf: Shelf

    @classmethod
    def load(cls, folder: Path, ingredient_counts: NDArray[np.integer], dimension: int) -> LearnedRanking:
        """Open what a retraining wrote; raises Permanent where it does not fit this code or this artefact."""
        try:
            settings: dict[str, Any] = json.loads((folder / SETTINGS_FILE).read_bytes())
            adapter = QueryAdapter(np.load(folder / ADAPTER_FILE, allow_pickle=False))
            trees = Trees((folder / TREES_FILE).read_bytes())
            fields = TermFields.load(folder)
        except (OSError, EOFError, ValueError, IndexError) as error:
            raise Permanent(f"the learned ranking in {folder} cannot be loaded: {error}", hint=TRAIN_AGAIN) from error
        if settings.get("features") != list(FEATURES) or trees.features != len(FEATURES):
            raise Permanent(f"{folder}: learned from other features than this code computes", hint=TRAIN_AGAIN)
        if len(fields) != len(ingredient_counts) or len(adapter.weights) != dimension:
            raise Permanent(
                f"{folder}: learned for {len(fields)} recipes and {len(adapter.weights)} dimensions, "
                f"the index holds {len(ingredient_counts)} and {dimension}",
                hint=TRAIN_AGAIN,
            )
        return cls(adapter=adapter, trees=trees, shelf=Shelf(fields=fields, ingredient_counts=ingredient_counts))

    def rerank(self, seen: Seen, fused: Fused) -> tuple[Fused, Ranking]:
        """Return the whole of `fused` in a new order, and the learned scores as a ranking to explain it by.

        Candidates come first; the rest of what was found follows in its old order. `seen` was made with this adapter.
        """
        chosen = candidates(seen, fused)
        rows = features(seen, fused, self.shelf, chosen, chosen)
        learned = 1 / (1 + np.exp(-self.trees.score(rows).astype(np.float64)))
        groups = len(seen.query.pantry or ())
        had = np.zeros(len(chosen))
        if seen.coverage is not None:
            had = np.rint(seen.coverage[chosen].astype(np.float64) * groups)
        total = (had + learned) / (groups + 1)
        order = np.lexsort((chosen, -total))
        return (
            _reordered(fused, chosen[order], total[order], (learned / (groups + 1))[order]),
            _as_ranking(chosen, learned, len(seen.adapted)),
        )


def _reordered(
    old: Fused, documents: NDArray[np.intp], scores: NDArray[np.float64], shares: NDArray[np.float64]
) -> Fused:
    """`old` in the new order, with the learned ranking last among ranks and shares."""
    rest = np.flatnonzero(~np.isin(old.documents, documents))
    by_number = np.argsort(old.documents)
    looked_at = by_number[np.searchsorted(old.documents, documents, sorter=by_number)]
    order = np.concatenate([looked_at, rest])
    # What was not looked at twice comes after the last that was, and keeps its order.
    below = scores.min(initial=1.0) * old.scores[rest] / max(float(old.scores[rest].max(initial=0.0)), 1.0)
    learned = np.concatenate([shares, below])
    # The pantry's share is the first; what the other rankings said went through the trees, and is not a share any more.
    had = np.concatenate([scores, below]) - learned
    others = len(old.shares)
    return Fused(
        documents=old.documents[order],
        scores=np.concatenate([scores, below]),
        ranks=(
            *(ranks[order] for ranks in old.ranks),
            np.concatenate([np.arange(1, len(documents) + 1), np.zeros(len(rest), dtype=np.intp)]),
        ),
        shares=(*(had if place == 0 else np.zeros_like(had) for place in range(others)), learned),
    )


def _as_ranking(documents: NDArray[np.intp], scores: NDArray[np.float64], size: int) -> Ranking:
    whole = np.zeros(size, dtype=np.float32)
    whole[documents] = scores
    return Ranking(name=NAME, scores=whole)
