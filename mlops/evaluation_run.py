"""What an evaluation or a replay leaves where its history is: a run in MLflow, of a pod's job and of a laptop's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.artifact.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from controller.actions import StartEvaluation, StartReplay
    from mlops.judging import Judge
    from mlops.model_registry import ModelRegistry

EXPERIMENT = "recipe-evaluations"
_KEPT = "evaluation"


def log_evaluation(
    registry: ModelRegistry,
    asked: StartEvaluation | StartReplay,
    found: Mapping[str, Any],
    judge: Judge,
    *,
    model: str,
    artifact: Path,
    scratch: Path,
) -> str:
    """Log the samples that were `found`, the digests of the data, and of an evaluation what `judge` keeps of it.

    Returns the run's id. `artifact` is the candidate's, `scratch` a folder for files on their way. Raises Transient.
    """
    kept = judge.keep(scratch / _KEPT)
    about = {} if kept is None else {"recipes.dataset": kept.dataset, "recipes.evaluation": kept.told}
    return registry.log_run(
        EXPERIMENT,
        asked.name,
        metrics={
            f"{sample['metric']}{suffix}": float(sample[field])
            for sample in found["samples"]
            for field, suffix in (("value", ""), ("baseline", "_of_baseline"))
            if sample.get(field) is not None
        },
        params={"baseline": asked.baseline or "none", "gates": ", ".join(gate.metric for gate in asked.gates)},
        tags={
            "recipes.model": model,
            "recipes.version": asked.version,
            "recipes.digest": asked.digest,
            "recipes.data_digest": read_manifest(artifact).data_digest,
            **about,
        },
        files=None if kept is None else kept.folder,
    )
