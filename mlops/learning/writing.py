"""A retrained version as an artefact: its parent's files, what was learned, a new evaluation, a new manifest."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.artifact import layout
from mlops.artifact.builder import seal
from mlops.artifact.manifest import MLFLOW_NOTE
from mlops.errors import Conflict, Permanent
from mlops.registry.semantic_version import next_version
from mlops.retrieval.features import FEATURES
from mlops.retrieval.learned_ranking import ADAPTER_FILE, SETTINGS_FILE, TREES_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops.artifact.manifest import Manifest
    from mlops.evaluation import EvaluationReport
    from mlops.learning.learner import Learned


def require_new(out: Path) -> None:
    """Raise Conflict where `out` holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"{out} is not empty", hint="name a new folder: an artefact is never written over")


def write_next(
    parent: Path,
    out: Path,
    manifest: Manifest,
    learned: Learned,
    report: EvaluationReport,
    lineage: dict[str, Any],
    *,
    version: str | None = None,
    held_out_curve: Sequence[float] = (),
) -> Manifest:
    """Write the version after the one in `parent`, whose manifest is given, to the new folder `out`; it may be named.

    Raises Conflict when `out` holds something, Permanent when it cannot be written; then nothing is left behind.
    """
    require_new(out)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        # Not links: an artefact is verified whole, and must not change with another.
        shutil.copytree(parent, partial, ignore=shutil.ignore_patterns(MLFLOW_NOTE))
        _write_learned(partial / layout.LEARNED, learned, held_out_curve)
        fresh = replace(
            manifest,
            version=version or next_version(manifest.version, "patch"),
            lineage={"parent": manifest.version, "parent_digest": manifest.digest, **lineage},
        )
        sealed = seal(partial, fresh, report.reproducible(), report.metrics())
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise Permanent(
            f"{out} cannot be written: {error.strerror}", hint="free disk space or name another folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sealed


def _write_learned(folder: Path, learned: Learned, held_out_curve: Sequence[float]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    np.save(folder / ADAPTER_FILE, learned.ranking.adapter.weights, allow_pickle=False)
    (folder / TREES_FILE).write_bytes(learned.grown.graph)
    learned.ranking.shelf.fields.save(folder)
    curves = {
        "trees_trained_ndcg@10": learned.grown.curve,
        "trees_held_out_ndcg@10": [round(value, 5) for value in held_out_curve],
        "adapter_loss": learned.adapter_curve,
    }
    settings = {"features": list(FEATURES), "importance": learned.grown.importance, "curves": curves}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
