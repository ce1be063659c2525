"""What the kernel works on: arrays as its structures of C, kept where they are for as long as it may read them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
LANES = 16  # vectors whose sketches are read side by side
WORD = 64
_WIDE = 2  # bytes of a weight
_LINE = 64


class _Model(ctypes.Structure):
    """`Model` of encoder.c."""

    _fields_ = (
        ("hidden", ctypes.c_int32),
        ("inner", ctypes.c_int32),
        ("heads", ctypes.c_int32),
        ("layers", ctypes.c_int32),
        ("wide", ctypes.c_int32),
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
    """An encoder's numbers as `mlops.retrieval.encoder_layers` lays them out; `weights` begins at a multiple of 64.

    `weights` are int8, or bfloat16 as uint16, for which the kernel must have `has_bfloat16`.
    """

    words: NDArray[np.float16]
    positions: NDArray[np.float32]
    weights: NDArray[np.int8] | NDArray[np.uint16]
    floats: NDArray[np.float32]


class Model:
    """An encoder as the kernel reads it; keeps its tables where they are."""

    def __init__(self, shape: Shape, tables: Tables) -> None:
        self.shape = shape
        self._tables = tables
        self._struct = _Model(
            shape.hidden, shape.inner, shape.heads, shape.layers, int(tables.weights.itemsize == _WIDE), shape.epsilon,
            tables.words.ctypes.data, tables.positions.ctypes.data, tables.weights.ctypes.data,
            tables.floats.ctypes.data,
        )  # fmt: skip
        self.address = ctypes.addressof(self._struct)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketches:
    """A bit for each dimension of each vector: half in `first`, uint32 (blocks, words, LANES), half in `rest`.

    `rest` is uint64 (vectors, words). `numbers`, float16 (blocks, 2, LANES), are the factor and the centre of each, see
    `mlops.retrieval.sketches`. Arrays are padded to whole blocks. `turn`, float32 (dimension + 1, dimension), is the
    rotation, and the mean last.
    """

    first: NDArray[np.uint32]
    rest: NDArray[np.uint64]
    numbers: NDArray[np.float16]
    turn: NDArray[np.float32]


class _Index(ctypes.Structure):
    """`Index` of search.c."""

    _fields_ = (
        ("documents", ctypes.c_int64),
        ("dimension", ctypes.c_int32),
        ("words", ctypes.c_int32),
        ("first", ctypes.c_void_p),
        ("rest", ctypes.c_void_p),
        ("numbers", ctypes.c_void_p),
        ("turn", ctypes.c_void_p),
        ("vectors", ctypes.c_void_p),
    )


class Index:
    """Vectors, float16 (documents, dimension), and their sketches as the kernel reads them; keeps both in place."""

    def __init__(self, vectors: NDArray[np.float16], sketches: Sketches) -> None:
        self._kept = vectors, sketches
        self._struct = _Index(
            *vectors.shape, sketches.first.shape[1] * sketches.first.itemsize * 8 // WORD,
            sketches.first.ctypes.data, sketches.rest.ctypes.data, sketches.numbers.ctypes.data,
            sketches.turn.ctypes.data, vectors.ctypes.data,
        )  # fmt: skip
        self.address = ctypes.addressof(self._struct)


class _Postings(ctypes.Structure):
    """`Postings` of words.c."""

    _fields_ = (("starts", ctypes.c_void_p), ("documents", ctypes.c_void_p), ("values", ctypes.c_void_p))


class Postings:
    """What each term gives to which documents as the kernel reads it; keeps the arrays where they are.

    Term t has the postings starts[t] up to starts[t + 1], its documents ascending.
    """

    def __init__(self, starts: NDArray[np.int64], documents: NDArray[np.int32], values: NDArray[np.float32]) -> None:
        self._kept = starts, documents, values
        self._struct = _Postings(starts.ctypes.data, documents.ctypes.data, values.ctypes.data)
        self.address = ctypes.addressof(self._struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many of a search: `promising` by half of their sketches, of them `likely` by whole ones, of them `depth`."""

    promising: int
    likely: int
    depth: int


class Placed(NamedTuple):
    """A ranking: `scores` float32 (documents,), ranked above `floor`; `shares` float64: what each rank adds, from 0."""

    scores: NDArray[np.float32]
    shares: NDArray[np.float64]
    floor: float


def aligned(array: NDArray[T]) -> NDArray[T]:
    """Copy `array` to where a line of the processor's cache begins: each line is read once, not two for each word."""
    room = np.empty(array.nbytes + _LINE, dtype=np.uint8)
    start = -room.ctypes.data % _LINE
    copy: NDArray[T] = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
