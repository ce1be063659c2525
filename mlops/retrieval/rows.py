"""The recipes of an artefact as they are answered: one JSON line each, read from its offset in a file.

Read, not mapped: a map counts for the memory of the process whatever it once touched (76 MiB of 100,000 recipes), and a
file that is cut short under a map ends the process. Ten reads take 20 us.
"""

from __future__ import annotations

import errno
import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel

ROWS_FILE = "rows.jsonl"
OFFSETS_FILE = "rows.offsets.npy"


class Rows:
    """Random access to the rows of an artefact."""

    def __init__(self, descriptor: int, offsets: NDArray[np.int64], kernel: Kernel | None = None) -> None:
        """Take over the file `descriptor`: it is closed with the last reference to this."""
        self._descriptor = descriptor
        self._offsets = offsets
        self._kernel = kernel
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def load(cls, folder: Path, kernel: Kernel | None = None) -> Rows:
        """Open what `write_rows` wrote."""
        offsets = np.load(folder / OFFSETS_FILE, allow_pickle=False).astype(np.int64, copy=False)
        return cls(os.open(folder / ROWS_FILE, os.O_RDONLY | os.O_CLOEXEC), offsets, kernel)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def ids(self) -> list[str]:
        """The id of every recipe, in their order; reads the whole file once."""
        return [self[document]["id"] for document in range(len(self))]

    def __getitem__(self, document: int) -> dict[str, Any]:
        return self.of([document])[0]

    def of(self, documents: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of `documents`, in that order."""
        places = np.array(documents, dtype=np.int64)
        starts, ends = self._offsets[places], self._offsets[places + 1]
        if self._kernel is not None:
            lines = self._kernel.gather(self._descriptor, starts, ends)
        else:
            pieces = zip(starts.tolist(), ends.tolist(), strict=True)
            lines = b"".join(_read(self._descriptor, start, end) for start, end in pieces)
        # A line's end is no part of any JSON text, in which it is escaped.
        rows: list[dict[str, Any]] = orjson.loads(b"[%b]" % lines[:-1].replace(b"\n", b","))
        return rows


def _read(descriptor: int, start: int, end: int) -> bytes:
    piece = os.pread(descriptor, end - start, start)
    if len(piece) != end - start:
        raise OSError(errno.EIO, f"the rows end at byte {start + len(piece)}, before {end}")
    return piece


def write_rows(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows` in order, and the offset of each."""
    offsets = [0]
    with (folder / ROWS_FILE).open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            offsets.append(stream.tell())
    np.save(folder / OFFSETS_FILE, np.array(offsets, dtype=np.int64), allow_pickle=False)
