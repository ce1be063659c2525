"""Artefacts that are small but real: a folder that verifies itself, registered like any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlops.artifact.manifest import MANIFEST_FILE, SCHEMA_VERSION, Manifest, hash_files

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "recipes"
ROWS = "rows.jsonl"


def write_artefact(folder: Path, version: str, model: str = MODEL) -> Manifest:
    """An artefact of one file."""
    folder.mkdir(parents=True)
    (folder / ROWS).write_text(json.dumps({"id": "r-1", "title": f"Soup {version}"}) + "\n", encoding="utf-8")
    manifest = Manifest(
        model=model,
        version=version,
        schema_version=SCHEMA_VERSION,
        encoder="none",
        encoder_digest="sha256:none",
        dimension=1,
        recipes=1,
        data_digest="sha256:none",
        code_revision="none",
        translator="none",
        seed=0,
        metrics={},
        files=hash_files(folder),
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return manifest


def exchange(folder: Path) -> None:
    """Put other bytes in the place of an artefact's, as somebody does who overwrites a published version."""
    rows = folder / ROWS
    other = rows.with_name("other")
    other.write_text('{"id": "r-1", "title": "Something else"}\n', encoding="utf-8")
    other.replace(rows)
