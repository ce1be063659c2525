"""A version whose artefact is whole and verified, and whose answers fail now and then: the kind that gates let through."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlops.artifact.manifest import MANIFEST_FILE, hash_files, read_manifest

if TYPE_CHECKING:
    from pathlib import Path


def spoilt(artifact: Path, version: str, folder: Path, *, every: int) -> Path:
    """Copy the artefact as another version in which each so-manieth recipe cannot be read."""
    shutil.copytree(artifact, folder, copy_function=shutil.copyfile)
    rows = folder / "rows.jsonl"
    data = bytearray(rows.read_bytes())
    for offset in np.load(folder / "rows.offsets.npy")[:-1:every]:
        data[offset] = ord("X")
    rows.write_bytes(bytes(data))
    manifest = replace(read_manifest(folder), version=version)
    (folder / MANIFEST_FILE).unlink()
    (folder / MANIFEST_FILE).write_bytes(replace(manifest, files=hash_files(folder)).to_bytes())
    return folder
