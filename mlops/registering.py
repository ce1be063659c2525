"""An artefact into the registry, the same way from every verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.artifact.manifest import Manifest
    from mlops.model_registry import ModelRegistry, RegisteredVersion


def register_artifact(
    registry: ModelRegistry, folder: Path, manifest: Manifest, *, by: str, why: str
) -> RegisteredVersion:
    """Log the artefact in `folder` as a run with its numbers, and register it as the manifest's version."""
    facts: dict[str, Any] = {
        "encoder": manifest.encoder,
        "recipes": manifest.recipes,
        "data_digest": manifest.data_digest,
        "code_revision": manifest.code_revision,
        "translator": manifest.translator,
        "seed": manifest.seed,
    }
    if manifest.lineage is not None:
        facts["lineage"] = manifest.lineage
    return registry.register(
        manifest.model,
        manifest.version,
        folder,
        digest=manifest.digest,
        metadata=facts,
        metrics=manifest.metrics,
        params={name: str(value) for name, value in facts.items()},
        by=by,
        why=why,
    )
