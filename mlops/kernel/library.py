"""The compiled kernel as Python functions over arrays. The calls run without the interpreter's lock.

Whoever lets go of it may wait half a millisecond to have it back, so a call does its work for several questions.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.kernel.build import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.operands import Index, Model, Placed, Postings, Wanted

INTERFACE = 7


class Kernel:
    """The functions of one loaded library. Safe to call from several threads."""

    def __init__(self, library: ctypes.CDLL, briefly: ctypes.PyDLL) -> None:
        """`briefly` is the same library, whose calls keep the interpreter's lock: shorter than waiting for it."""
        self.has_bfloat16 = bool(library.supported_wide())
        pointer, whole, large, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_float
        self._call_companion = _typed(library.call_companion, whole)
        self._encode = _typed(library.encode, whole, pointer, pointer, pointer, whole, pointer)
        self._nearest = _typed(
            library.nearest, whole, pointer, pointer, pointer, large, large, large, large, pointer, pointer
        )
        self._top = _typed(library.top, large, pointer, pointer, large, real, large, pointer)
        self._products = _typed(library.products, None, pointer, large, pointer, pointer, large, pointer, pointer)
        self._gather = _typed(library.gather, whole, whole, pointer, pointer, large, pointer)
        self._sum = _typed(
            library.sum, whole, pointer, pointer, pointer, large, pointer, pointer, large, large, pointer, pointer
        )
        # See `mlops.kernel.looking`.
        self.look = _typed(library.look, whole, pointer, pointer, large, large, pointer, pointer, pointer, pointer)
        self._fuse = _typed(
            briefly.fuse, large, large, large, pointer, pointer, pointer, pointer, ctypes.c_double, large, large,
            pointer, pointer, pointer, pointer,
        )  # fmt: skip

    def call_companion(self) -> bool:
        """Have a thread help from now on with each call of one question while no other call runs; tell if there is one.

        There is none for one processor, and only one however often it is called. It has the priority of the thread that
        called first. What it does not get round to, because others use the processors, it is not waited for.
        """
        return processors() > 1 and self._call_companion() == 0

    def encode(self, model: Model, ids: NDArray[np.int32], starts: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (texts, hidden). Text i is ids[starts[i]:starts[i + 1]], never empty.

        Raises MemoryError.
        """
        texts = len(starts) - 1
        out = np.empty((texts, model.shape.hidden), dtype=np.float32)
        if self._encode(model.address, ids.ctypes.data, starts.ctypes.data, texts, out.ctypes.data):
            raise MemoryError
        return out

    def nearest(
        self, index: Index, queries: NDArray[np.float32], passed: Sequence[NDArray[np.bool_] | None], wanted: Wanted
    ) -> list[NDArray[np.int64]]:
        """Return for each of `queries`, float32 (queries, dimension), the nearest that `passed`, in no order.

        Raises MemoryError.
        """
        queries = np.ascontiguousarray(queries)
        # Whose address is given must have a name here: it would be given back before the call.
        masks, (found, counts) = _masks(passed), _room(len(queries), wanted.likely)
        if self._nearest(
            index.address, queries.ctypes.data, masks.ctypes.data, len(queries), wanted.promising,
            wanted.likely, wanted.depth, found.ctypes.data, counts.ctypes.data,
        ):  # fmt: skip
            raise MemoryError
        return _filled(found, counts)

    def top(
        self, scores: NDArray[np.float32], passed: NDArray[np.bool_] | None, floor: float, depth: int
    ) -> NDArray[np.int64]:
        """Return the `depth` places of the highest finite `scores` above `floor` that `passed`, in no order.

        Raises MemoryError.
        """
        found = np.empty(depth, dtype=np.int64)
        mask = None if passed is None else passed.ctypes.data
        count = self._top(scores.ctypes.data, mask, len(scores), floor, depth, found.ctypes.data)
        if count < 0:
            raise MemoryError
        return found[:count]

    def products(
        self, vectors: NDArray[np.float16], documents: Sequence[NDArray[np.int64]], queries: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """Return vectors[documents[i]] @ queries[i] for each, float32; the dimension is a multiple of 32."""
        queries = np.ascontiguousarray(queries)
        starts, every = _one_behind_the_other(documents)
        out = np.empty(len(every), dtype=np.float32)
        self._products(
            vectors.ctypes.data, vectors.shape[1], every.ctypes.data, starts.ctypes.data, len(documents),
            queries.ctypes.data, out.ctypes.data,
        )  # fmt: skip
        return [out[start:stop] for start, stop in pairwise(starts.tolist())]

    def sum(
        self, postings: Postings, terms: Sequence[Sequence[int]], size: int,
        passed: Sequence[NDArray[np.bool_] | None], depth: int,
    ) -> tuple[NDArray[np.float32], list[NDArray[np.int64]]]:  # fmt: skip
        """Return the sum of what the `terms` of each question give, float32 (questions, `size`).

        And for each the `depth` best of those that `passed`, as `top` finds them. Raises MemoryError.
        """
        starts, every = _one_behind_the_other([np.array(of_one, dtype=np.int64) for of_one in terms])
        scores = np.empty((len(terms), size), dtype=np.float32)
        masks, (found, counts) = _masks(passed), _room(len(terms), depth)
        if self._sum(
            postings.address, every.ctypes.data, starts.ctypes.data, len(terms), scores.ctypes.data,
            masks.ctypes.data, size, depth, found.ctypes.data, counts.ctypes.data,
        ):  # fmt: skip
            raise MemoryError
        return scores, _filled(found, counts)

    def gather(self, file: int, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> bytes:
        """Read the pieces of an open file, each from starts[i] up to ends[i], one behind the other.

        Raises OSError.
        """
        out = np.empty(int((ends - starts).clip(0).sum()), dtype=np.uint8)
        code = self._gather(file, starts.ctypes.data, ends.ctypes.data, len(starts), out.ctypes.data)
        if code:
            raise OSError(code, os.strerror(code))
        return out.tobytes()

    def fuse(
        self, rankings: Sequence[Placed], bonus: NDArray[np.float32] | None, best: float, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Fuse `rankings`, at least one, of the same documents; see `mlops.retrieval.fusion`.

        Return the best documents, their totals, and what each ranking gave them: ranks and shares, (rankings, found).
        Raises MemoryError.
        """
        rows, documents = len(rankings) + (bonus is not None), len(rankings[0].scores)
        scores = np.array([ranking.scores.ctypes.data for ranking in rankings], dtype=np.uintp)
        shares = np.array([ranking.shares.ctypes.data for ranking in rankings], dtype=np.uintp)
        floors = np.array([ranking.floor for ranking in rankings], dtype=np.float32)
        # What comes back is of 8 bytes each, whole numbers or not: documents, totals, ranks and shares.
        real = np.empty((2 + 2 * rows, k), dtype=np.float64)
        whole, start, row = real.view(np.int64), real.ctypes.data, 8 * k
        count = self._fuse(
            documents, len(rankings), scores.ctypes.data, floors.ctypes.data, shares.ctypes.data,
            None if bonus is None else bonus.ctypes.data, best, len(rankings[0].shares) - 1, k,
            start, start + row, start + 2 * row, start + (2 + rows) * row,
        )  # fmt: skip
        if count < 0:
            raise MemoryError
        return whole[0, :count], real[1, :count], whole[2 : 2 + rows, :count], real[2 + rows :, :count]


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _masks(passed: Sequence[NDArray[np.bool_] | None]) -> NDArray[np.uintp]:
    """Where each begins, 0 where there is none."""
    return np.array([0 if each is None else each.ctypes.data for each in passed], dtype=np.uintp)


def _one_behind_the_other(arrays: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each begins and the last ends, and what they hold."""
    starts = np.array([0, *accumulate(map(len, arrays))], dtype=np.int64)
    return starts, np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)


def _room(questions: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.empty((questions, most), dtype=np.int64), np.empty(questions, dtype=np.int64)


def _filled(found: NDArray[np.int64], counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [of_one[:count] for of_one, count in zip(found, counts.tolist(), strict=True)]


def _typed(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = result, arguments
    return function


@cache
def kernel() -> Kernel | None:
    """The kernel where it is built and this CPU can run it, else None."""
    return load(LIBRARY)


def load(path: Path) -> Kernel | None:
    """Open the library at `path`; None where there is none, or it is not for this CPU or this code."""
    try:
        library = ctypes.CDLL(str(path))
        fits = library.interface() == INTERFACE and bool(library.supported())
    except (OSError, AttributeError):
        return None
    return Kernel(library, ctypes.PyDLL(str(path))) if fits else None
