"""Questions from their tokens to what is found, in one call of the kernel."""

from __future__ import annotations

import ctypes
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


class Shares(NamedTuple):
    """What each rank of a ranking adds, float64 from 0, and where that is; the pantry adds its score over `best`."""

    of_rank: NDArray[np.float64]
    address: int
    best: float


class Asked(NamedTuple):
    """A question: its tokens, int32, and terms, int64, one behind the other, and what else it brings.

    `passed` says which documents may be found.
    """

    tokens: bytes
    terms: bytes
    passed: NDArray[np.bool_] | None
    shares: Shares
    spanish: Given | None = None
    pantry: Given | None = None


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
        ("tokens", ctypes.c_char_p),
        ("token_count", ctypes.c_int64),
        ("terms", ctypes.c_char_p),
        ("term_count", ctypes.c_int64),
        ("passed", ctypes.c_void_p),
        ("shares", ctypes.c_void_p),
        ("best", ctypes.c_double),
        ("given", ctypes.c_void_p * _GIVEN),
        ("leading", ctypes.c_void_p * _GIVEN),
        ("leading_counts", ctypes.c_int64 * _GIVEN),
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
        room = _RANKINGS * self._depth
        vectors = np.empty((len(questions), self._dimension), dtype=np.float32)
        documents = np.empty((len(questions), room), dtype=np.int64)
        scores = np.empty((len(questions), _RANKINGS, room), dtype=np.float32)
        _, counts, seconds = self._look(
            kernel, questions, 0, vectors.ctypes.data, documents.ctypes.data, scores.ctypes.data
        )
        return Sight(
            vectors,
            [found[:count] for found, count in zip(documents, counts, strict=True)],
            [of_one[:, :count] for of_one, count in zip(scores, counts, strict=True)],
            seconds,
        )

    def best(self, kernel: Kernel, questions: Sequence[Asked], k: int) -> tuple[list[Best], Seconds]:
        """Return the best `k` of each, at least 1. Raises MemoryError."""
        real, counts, seconds = self._look(kernel, questions, k, None, None, None)
        whole = real.view(np.int64)
        places, totals, gave = whole[:, 0].tolist(), real[:, 1].tolist(), real[:, 2 + _RANKINGS :].tolist()
        ranks = whole[:, 2 : 2 + _RANKINGS].tolist()
        every = zip(places, totals, ranks, gave, counts, questions, strict=True)
        return [_best(*each) for each in every], seconds

    def _look(
        self, kernel: Kernel, questions: Sequence[Asked], k: int, *seen: int | None
    ) -> tuple[NDArray[np.float64], list[int], Seconds]:
        """Return (questions, 2 + 3 * rankings, `k`) of what was found, how many of each question, and the seconds."""
        # What the kernel is told the address of must have a name here: it would be given back before the call.
        described, kept = zip(*[_describe(question) for question in questions], strict=True)
        asked = (_Asked * len(questions))(*described)
        count, block = len(questions), (2 + 3 * _RANKINGS) * k
        out = np.empty(count * block + count + 3, dtype=np.float64)
        if kernel.look(self._address, ctypes.addressof(asked), count, k, out.ctypes.data, *seen):
            raise MemoryError
        del kept
        found, counts = out[: count * block].reshape(count, -1, k or 1), out[count * block : -3].view(np.int64)
        return found, counts.tolist(), Seconds(*out[-3:].tolist())


def _describe(question: Asked) -> tuple[_Asked, Any]:
    """The structure of C, and what must be kept with it."""
    tokens, terms, passed, shares, *given = question
    among = None if passed is None else passed.ctypes.data
    asked = _Asked(tokens, len(tokens) // 4, terms, len(terms) // 8, among, shares.address, shares.best)
    kept: list[Any] = [question]
    for place, ranking in enumerate(given):
        if ranking is not None:
            leading = np.sort(ranking.leading)
            asked.given[place], asked.leading[place] = ranking.scores.ctypes.data, leading.ctypes.data
            asked.leading_counts[place] = len(leading)
            kept.append(leading)
    return asked, kept


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
