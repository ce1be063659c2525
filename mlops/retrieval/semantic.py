"""The nearest vectors to a query's: exactly by multiplying all, or by sketches first and the best of them in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlops.kernel.operands import Index, Wanted
from mlops.retrieval.selection import highest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.retrieval.sketches import SketchBook

# How many the sketches name for each that is wanted, and at least, and how many their first halves for each of these,
# and of how many vectors one at least: what that finds is measured in docs/performance.md.
_OVERSAMPLING, _LEAST = 3.5, 500
_HALVES_OVERSAMPLING, _HALVES_SHARE = 4, 50


class SemanticIndex(Protocol):
    """Finds documents by the cosines of their vectors with those of queries, float32 (queries, dimension)."""

    @property
    def dimension(self) -> int:
        """The length of a query's vector."""
        ...

    def nearest(
        self, queries: NDArray[np.float32], passed: Sequence[NDArray[np.bool_] | None], depth: int
    ) -> list[NDArray[np.int64]]:
        """Return for each query the `depth` nearest documents among those that `passed` (None: all), in no order."""
        ...

    def cosines(
        self, queries: NDArray[np.float32], documents: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float32]]:
        """Return for each query the exact cosines of its `documents`, float32 (documents,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ExactIndex:
    """Multiplies every vector; needs nothing. `vectors` float32 (documents, dimension), of norm 1."""

    vectors: NDArray[np.float32]

    @property
    def dimension(self) -> int:
        """See SemanticIndex."""
        return int(self.vectors.shape[1])

    def nearest(
        self, queries: NDArray[np.float32], passed: Sequence[NDArray[np.bool_] | None], depth: int
    ) -> list[NDArray[np.int64]]:
        """See SemanticIndex."""
        every = zip(queries, passed, strict=True)
        return [highest(self.vectors @ query, among, -np.inf, depth, None) for query, among in every]

    def cosines(
        self, queries: NDArray[np.float32], documents: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float32]]:
        """See SemanticIndex."""
        return [self.vectors[found] @ query for query, found in zip(queries, documents, strict=True)]


class SketchedIndex:
    """Reads 24 bytes of each vector of 384 dimensions, as many again of some hundredths, and all of only some hundred.

    `vectors` float16 (documents, dimension): half the memory of float32, for cosines that differ by less than 0.0001.
    """

    def __init__(self, vectors: NDArray[np.float16], book: SketchBook, kernel: Kernel) -> None:
        # A view of what is mapped, without the class whose every slice costs a microsecond.
        self.vectors = np.asarray(vectors)
        self.index = Index(self.vectors, book.laid_out())
        self._kernel = kernel

    @property
    def dimension(self) -> int:
        """See SemanticIndex."""
        return int(self.vectors.shape[1])

    def nearest(
        self, queries: NDArray[np.float32], passed: Sequence[NDArray[np.bool_] | None], depth: int
    ) -> list[NDArray[np.int64]]:
        """See SemanticIndex; of the exact answer some are missed."""
        return self._kernel.nearest(self.index, queries, passed, self.wanted(depth))

    def wanted(self, depth: int) -> Wanted:
        """How many to look at on the way to the `depth` nearest."""
        likely = max(_LEAST, int(depth * _OVERSAMPLING))
        promising = max(likely * _HALVES_OVERSAMPLING, len(self.vectors) // _HALVES_SHARE)
        return Wanted(promising=promising, likely=likely, depth=depth)

    def cosines(
        self, queries: NDArray[np.float32], documents: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float32]]:
        """See SemanticIndex."""
        return self._kernel.products(self.vectors, documents, queries)
