"""That a model was found to need training: a mark on the Model, for whoever was asked need not be who decides.

The mark is the number of runs there were. Once another has been started it no longer fits, so nobody has to remove it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.cluster.kinds import MODELS, RETRAIN_DUE

if TYPE_CHECKING:
    from controller.cluster.api import Object
    from controller.cluster.mirror import MirroredNamespace


def is_due(model: Object) -> bool:
    """Whether it was found, and no run has been started since."""
    return (model["metadata"].get("annotations") or {}).get(RETRAIN_DUE) == _runs(model)


def note_due(api: MirroredNamespace, model: str, *, due: bool) -> None:
    """Mark the Model, or take the mark off; nothing where it is so already, or there is no such Model."""
    stored = api.get(MODELS, model)
    if stored is not None and is_due(stored) != due:
        api.merge(MODELS, model, {"metadata": {"annotations": {RETRAIN_DUE: _runs(stored) if due else None}}})


def _runs(model: Object) -> str:
    return str(model.get("status", {}).get("retraining", {}).get("runs", 0))
