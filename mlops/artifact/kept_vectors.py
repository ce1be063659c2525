"""Vectors that were computed already, part by part, for an embedding that was cut short or comes again.

A folder for each embedding, named by the digest of all that it is made from; a part is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import numpy as np

from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

# So many embeddings, those that were used last; each takes some 70 MB for 46,000 recipes.
KEPT = 3


class KeptVectors:
    """The parts of one embedding."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` None keeps nothing."""
        self._folder = folder

    @classmethod
    def of(cls, root: Path | None, made_from: Iterable[bytes]) -> KeptVectors:
        """The parts of what is made from these bytes, below `root`; of others the least used go."""
        if root is None:
            return cls(None)
        digest = hashlib.sha256()
        for each in made_from:
            digest.update(len(each).to_bytes(8, "big") + each)
        folder = root / digest.hexdigest()[:32]
        others = sorted(
            (each for each in root.glob("*/") if each != folder), key=lambda each: each.stat().st_mtime, reverse=True
        )
        for old in others[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.utime(folder)
        return cls(folder)

    def get(self, number: int) -> NDArray[np.float32] | None:
        """A part, float32 (texts, dimension); None where it is not there or not whole."""
        if self._folder is None:
            return None
        try:
            found: NDArray[np.float32] = np.load(self._folder / f"{number:06}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found

    def put(self, number: int, vectors: NDArray[np.float32]) -> None:
        """Keep a part. Raises Permanent where the disk is full."""
        if self._folder is None:
            return
        fresh = self._folder / f".{number:06}.npy.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as stream:
                np.save(stream, vectors, allow_pickle=False)
            fresh.replace(self._folder / f"{number:06}.npy")
        except OSError as error:
            raise Permanent(f"{self._folder} cannot be written: {error.strerror}", hint="free disk space") from error
