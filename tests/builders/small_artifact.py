"""An artefact of one file: enough for what fetches and verifies, not for what serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.artifact.manifest import MANIFEST_FILE, Manifest, hash_files

if TYPE_CHECKING:
    from pathlib import Path


def small_artifact(folder: Path, *, version: str = "1.0.0") -> Manifest:
    """Seal what is in `folder` with a row beside it, and return the manifest."""
    folder.mkdir(exist_ok=True)
    folder.joinpath("rows.jsonl").write_text("{}\n")
    manifest = Manifest(
        model="recipes", version=version, schema_version=1, encoder="tiny", encoder_digest="sha256:0", dimension=384,
        recipes=1, data_digest="sha256:1", code_revision="abc", translator="identity 1", seed=0, metrics={},
        files=hash_files(folder),
    )  # fmt: skip
    folder.joinpath(MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return manifest
