"""An artefact into the registry, the same way from every verb."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlops.artifact import layout
from mlops.retrieval.learned_ranking import SETTINGS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.artifact.manifest import Manifest
    from mlops.model_registry import ModelRegistry, RegisteredVersion


def register_artifact(
    registry: ModelRegistry, folder: Path, manifest: Manifest, *, by: str, why: str
) -> RegisteredVersion:
    """Log the artefact in `folder` as a run with its numbers, and register it as the manifest's version.

    Of what was learned from feedback the run shows the features, what each was worth, and the curves of the training.
    """
    facts: dict[str, Any] = {
        "encoder": manifest.encoder,
        "recipes": manifest.recipes,
        "data_digest": manifest.data_digest,
        # Of a retrained version that of the retraining: the manifest's is of who built the index.
        "code_revision": (manifest.lineage or {}).get("code_revision", manifest.code_revision),
        "translator": manifest.translator,
        "seed": manifest.seed,
    }
    if manifest.lineage is not None:
        facts["lineage"] = manifest.lineage
    learned = _learned(folder)
    # Curves of one point: they belong to the run, and are nothing that a version is judged by.
    importance = {f"importance_{name}": [float(share)] for name, share in learned.get("importance", {}).items()}
    params = {name: str(value) for name, value in facts.items()}
    if importance:
        params["features"] = ", ".join(learned["features"])
    return registry.register(
        manifest.model,
        manifest.version,
        folder,
        digest=manifest.digest,
        metadata=facts,
        metrics=manifest.metrics,
        params=params,
        by=by,
        why=why,
        curves={**importance, **learned.get("curves", {})},
    )


def _learned(folder: Path) -> dict[str, Any]:
    """What a retraining wrote beside its trees; nothing for an artefact that has learned nothing."""
    path = folder / layout.LEARNED / SETTINGS_FILE
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found
