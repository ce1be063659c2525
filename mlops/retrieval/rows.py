"""The recipes of an artefact as they are answered: one JSON line each, found by offset in a memory-mapped file.

Only the pages of recipes that somebody is shown are ever in memory.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

ROWS_FILE = "rows.jsonl"
OFFSETS_FILE = "rows.offsets.npy"


class Rows:
    """Random access to the rows of an artefact."""

    def __init__(self, data: mmap.mmap, offsets: NDArray[np.int64]) -> None:
        self._data = data
        self._offsets = offsets

    @classmethod
    def load(cls, folder: Path) -> Rows:
        """Map what `write_rows` wrote."""
        with (folder / ROWS_FILE).open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(data, np.load(folder / OFFSETS_FILE, allow_pickle=False))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def ids(self) -> list[str]:
        """The id of every recipe, in their order; reads the whole file once."""
        return [self[document]["id"] for document in range(len(self))]

    def __getitem__(self, document: int) -> dict[str, Any]:
        row: dict[str, Any] = orjson.loads(self._data[self._offsets[document] : self._offsets[document + 1]])
        return row


def write_rows(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows` in order, and the offset of each."""
    offsets = [0]
    with (folder / ROWS_FILE).open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            offsets.append(stream.tell())
    np.save(folder / OFFSETS_FILE, np.array(offsets, dtype=np.int64), allow_pickle=False)
