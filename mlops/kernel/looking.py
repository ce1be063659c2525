"""Questions from their tokens to what is found, in one call of the kernel."""

from __future__ import annotations

import ctypes
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.kernel.operands import Index, Model, Postings, Wanted

# Rankings that a question may bring, in this order: by its Spanish words, and how much of its pantry a recipe has.
_GIVEN = 2
_RANKINGS = 2 + _GIVEN


class Given(NamedTuple):
    """A ranking: `scores` float32 (documents,), and `leading` int64, the places of its best that may be found."""

    scores: NDArray[np.float32]
    leading: NDArray[np.int64]


class Asked(NamedTuple):
    """A question: its tokens, int32 one behind the other, terms, and what else it brings.

    `passed` says which documents may be found. `shares` float64 are what each rank of a ranking adds, from 0; the
    pantry's is its score divided by `best`.
    """

    tokens: bytes
    terms: Sequence[int]
    passed: NDArray[np.bool_] | None
    spanish: Given | None
    pantry: Given | None
    shares: NDArray[np.float64]
    best: float


class Seconds(NamedTuple):
    """What the steps of a call took."""

    encoding: float
    searching: float
    fusing: float


class Sight(NamedTuple):
    """Vectors of questions, float32 (questions, dimension); the documents of each that a ranking may rank, ascending.

    And their `scores`, float32 (rankings, documents) of each, by meaning, by words, by Spanish words and the pantry's;
    a ranking that a question has not brought holds anything.
    """

    vectors: NDArray[np.float32]
    documents: list[NDArray[np.int64]]
    scores: list[NDArray[np.float32]]
    seconds: Seconds


class Best(NamedTuple):
    """Of one question the best documents and their totals, and what each ranking that it has gave them.

    The pantry's comes first, then those by meaning, words and Spanish words; ranks are 0 where a document has none.
    """

    documents: list[int]
    totals: list[float]
    ranks: list[list[int]]
    shares: list[list[float]]
    scores: list[list[float]]


class _Holdings(ctypes.Structure):
    """`Holdings` of looking.c."""

    _fields_ = (
        ("model", ctypes.c_void_p),
        ("index", ctypes.c_void_p),
        ("postings", ctypes.c_void_p),
        ("vectors", ctypes.c_void_p),
        ("dimension", ctypes.c_int64),
        ("documents", ctypes.c_int64),
        ("wanted", ctypes.c_int64),
        ("likely", ctypes.c_int64),
        ("depth", ctypes.c_int64),
    )


class _Asked(ctypes.Structure):
    """`Asked` of looking.c."""

    _fields_ = (
        ("passed", ctypes.c_void_p),
        ("given", ctypes.c_void_p * _GIVEN),
        ("leading", ctypes.c_void_p * _GIVEN),
        ("leading_counts", ctypes.c_int64 * _GIVEN),
        ("shares", ctypes.c_void_p),
        ("best", ctypes.c_double),
    )


class Holdings:
    """What questions are looked up in; keeps it where it is. `vectors` float16 (documents, dimension)."""

    def __init__(
        self, model: Model, index: Index, postings: Postings, vectors: NDArray[np.float16], wanted: Wanted
    ) -> None:
        self._kept = model, index, postings, vectors
        self._depth = wanted.depth
        self._dimension = vectors.shape[1]
        self._struct = _Holdings(
            model.address, index.address, postings.address, vectors.ctypes.data, self._dimension, len(vectors),
            wanted.promising, wanted.likely, wanted.depth,
        )  # fmt: skip
        self._address = ctypes.addressof(self._struct)

    def see(self, kernel: Kernel, questions: Sequence[Asked]) -> Sight:
        """Look at the documents that a ranking may rank. Raises MemoryError."""
        call = _Call(questions, self._dimension, self._depth, 0)
        seconds = call.make(kernel, self._address)
        counts = call.counts.tolist()
        return Sight(
            call.vectors,
            [found[:count] for found, count in zip(call.documents, counts, strict=True)],
            [scores[:, :count] for scores, count in zip(call.scores, counts, strict=True)],
            seconds,
        )

    def best(self, kernel: Kernel, questions: Sequence[Asked], k: int) -> tuple[list[Best], Seconds]:
        """Return the best `k` of each, at least 1. Raises MemoryError."""
        call = _Call(questions, self._dimension, self._depth, k)
        seconds = call.make(kernel, self._address)
        places, totals = call.whole[:, 0].tolist(), call.real[:, 1].tolist()
        ranks, gave = call.whole[:, 2 : 2 + _RANKINGS].tolist(), call.real[:, 2 + _RANKINGS :].tolist()
        every = zip(places, totals, ranks, gave, call.counts.tolist(), questions, strict=True)
        return [_best(*each) for each in every], seconds


class _Call:
    """The room of one call; what it has the address of stays as long as it does."""

    def __init__(self, questions: Sequence[Asked], dimension: int, depth: int, k: int) -> None:
        count = len(questions)
        self._k, self._count = k, count
        self._asked = (_Asked * count)()
        # Whose address is given must have a name here: it would be given back before the call.
        self._kept = [_describe(*each) for each in zip(self._asked, questions, strict=True)]
        self._tokens = np.frombuffer(b"".join([each.tokens for each in questions]), dtype=np.int32)
        self._starts = np.array([0, *accumulate(len(each.tokens) // 4 for each in questions)], dtype=np.int32)
        self._terms = np.array(list(chain.from_iterable(each.terms for each in questions)), dtype=np.int64)
        self._term_starts = np.array([0, *accumulate(len(each.terms) for each in questions)], dtype=np.int64)
        self._room = _RANKINGS * depth
        self.vectors = np.empty((count, dimension), dtype=np.float32)
        self.documents = np.empty((1 if k else count, self._room), dtype=np.int64)
        self.scores = np.empty((1 if k else count, _RANKINGS, self._room), dtype=np.float32)
        self.real = np.empty((count, 2 + 3 * _RANKINGS, k), dtype=np.float64)
        self.whole = self.real.view(np.int64)
        self.counts = np.empty(count, dtype=np.int64)

    def make(self, kernel: Kernel, holdings: int) -> Seconds:
        """Have the kernel fill it."""
        seconds = np.empty(3, dtype=np.float64)
        if kernel.look(
            holdings, ctypes.addressof(self._asked), self._count, self._tokens.ctypes.data, self._starts.ctypes.data,
            self._terms.ctypes.data, self._term_starts.ctypes.data, self.vectors.ctypes.data,
            self.documents.ctypes.data, self.scores.ctypes.data, self._room, self._k, self.real.ctypes.data,
            self.counts.ctypes.data, seconds.ctypes.data,
        ):  # fmt: skip
            raise MemoryError
        return Seconds(*seconds.tolist())


def _describe(asked: Any, question: Asked) -> Any:
    """Fill the structure of C; return what must be kept."""
    if question.passed is not None:
        asked.passed = question.passed.ctypes.data
    asked.shares, asked.best = question.shares.ctypes.data, question.best
    kept = []
    for place, given in enumerate((question.spanish, question.pantry)):
        if given is not None:
            leading = np.sort(given.leading)
            asked.given[place], asked.leading[place] = given.scores.ctypes.data, leading.ctypes.data
            asked.leading_counts[place] = len(leading)
            kept.append(leading)
    return question, kept


def _best(
    places: list[int], totals: list[float], ranks: list[list[int]], gave: list[list[float]], count: int, asked: Asked
) -> Best:
    rows = _RANKINGS - (asked.spanish is None) - (asked.pantry is None)
    return Best(
        documents=places[:count],
        totals=totals[:count],
        ranks=[row[:count] for row in ranks[:rows]],
        shares=[row[:count] for row in gave[:rows]],
        scores=[row[:count] for row in gave[_RANKINGS : _RANKINGS + rows]],
    )
