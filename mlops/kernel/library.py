"""The compiled kernel as Python functions over arrays. The calls run without the interpreter's lock."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.kernel.build import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

INTERFACE = 2
PLANES = 4
LANES = 8
WORD = 64


class _Model(ctypes.Structure):
    """`Model` of encoder.c."""

    _fields_ = (
        ("hidden", ctypes.c_int32),
        ("inner", ctypes.c_int32),
        ("heads", ctypes.c_int32),
        ("layers", ctypes.c_int32),
        ("epsilon", ctypes.c_float),
        ("words", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("floats", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a BERT encoder."""

    hidden: int
    inner: int
    heads: int
    layers: int
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """An encoder's numbers as `mlops.retrieval.quantising` lays them out; `weights` begins at a multiple of 64."""

    words: NDArray[np.float16]
    positions: NDArray[np.float32]
    weights: NDArray[np.int8]
    floats: NDArray[np.float32]


class Model:
    """An encoder as the kernel reads it; keeps its tables where they are."""

    def __init__(self, shape: Shape, tables: Tables) -> None:
        self.shape = shape
        self._tables = tables
        self._struct = _Model(
            shape.hidden, shape.inner, shape.heads, shape.layers, shape.epsilon,
            tables.words.ctypes.data, tables.positions.ctypes.data, tables.weights.ctypes.data,
            tables.floats.ctypes.data,
        )  # fmt: skip
        self.address = ctypes.addressof(self._struct)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketches:
    """A bit for each dimension of each vector, uint64 (blocks, words, LANES), and two float32 for each vector.

    See `mlops.retrieval.sketches`; arrays are padded to whole blocks.
    """

    bits: NDArray[np.uint64]
    factors: NDArray[np.float32]
    centres: NDArray[np.float32]


class Kernel:
    """The functions of one loaded library. Safe to call from several threads."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, whole, large, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_float
        self._encode = _typed(library.encode, whole, pointer, pointer, pointer, whole, pointer)
        self._estimate = _typed(
            library.estimate, None, pointer, pointer, pointer, large, whole, pointer, real, real, real, pointer
        )
        self._top = _typed(library.top, large, pointer, pointer, large, real, large, pointer)
        self._products = _typed(library.products, None, pointer, large, pointer, large, pointer, pointer)
        self._add = _typed(library.add, None, pointer, large, pointer, pointer, large)

    def encode(self, model: Model, ids: NDArray[np.int32], starts: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return unit vectors, float32 (texts, hidden). Text i is ids[starts[i]:starts[i + 1]], never empty.

        Raises MemoryError.
        """
        texts = len(starts) - 1
        out = np.empty((texts, model.shape.hidden), dtype=np.float32)
        if self._encode(model.address, ids.ctypes.data, starts.ctypes.data, texts, out.ctypes.data):
            raise MemoryError
        return out

    def estimate(self, sketches: Sketches, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an estimate for every vector, float32 (blocks * LANES,): higher is nearer to `query`, as rotated."""
        least, step = float(query.min()), float(np.ptp(query)) / (2**PLANES - 1) or 1.0
        levels = np.rint((query - least) / step).astype(np.uint8)
        planes = np.packbits(levels >> np.arange(PLANES, dtype=np.uint8)[:, None] & 1, axis=1, bitorder="little")
        blocks, words, _ = sketches.bits.shape
        out = np.empty(blocks * LANES, dtype=np.float32)
        whole = float(len(query) * least + step * int(levels.sum()))
        self._estimate(
            sketches.bits.ctypes.data, sketches.factors.ctypes.data, sketches.centres.ctypes.data, blocks, words,
            planes.ctypes.data, step, least, whole, out.ctypes.data,
        )  # fmt: skip
        return out

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
        self, vectors: NDArray[np.float16], documents: NDArray[np.int64], query: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return vectors[documents] @ query, float32 (documents,); the dimension is a multiple of 32."""
        out = np.empty(len(documents), dtype=np.float32)
        self._products(
            vectors.ctypes.data, vectors.shape[1], documents.ctypes.data, len(documents), query.ctypes.data,
            out.ctypes.data,
        )  # fmt: skip
        return out

    def add(self, scores: NDArray[np.float32], documents: NDArray[np.int32], values: NDArray[np.float32]) -> None:
        """Add `values`, float32 (postings,), to the scores of `documents`, which all differ."""
        self._add(scores.ctypes.data, len(scores), documents.ctypes.data, values.ctypes.data, len(documents))


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
    return Kernel(library) if fits else None
