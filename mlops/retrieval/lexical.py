"""BM25 over one text field in one language. Arrays on disk are plain .npy and JSON, memory-mapped when loaded.

Formula: Robertson et al. 1994 with Lucene's non-negative idf; computed by the bm25s library, which stores the finished
term scores as a sparse matrix, so a query is a sum of a few columns.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import bm25s
import numpy as np

from mlops.kernel.operands import Postings
from mlops.retrieval.analyzer import Analyzer
from mlops.retrieval.selection import highest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Language

K1 = 1.2
B = 0.75


class LexicalIndex:
    """BM25 scores of every document for a query text.

    Where there is a kernel it adds them up, as bm25s does to the bit, in a half to a quarter of the time and without
    the interpreter's lock.
    """

    def __init__(self, bm25: bm25s.BM25, language: Language, size: int, kernel: Kernel | None = None) -> None:
        self._bm25 = bm25
        self._analyzer = Analyzer(language)
        self._size = size
        # The kernel trusts where postings start, so that is no file's to change. Views of what is mapped, without the
        # class whose every slice costs a microsecond.
        self._starts = np.array(bm25.scores["indptr"])
        self._documents, self._values = np.asarray(bm25.scores["indices"]), np.asarray(bm25.scores["data"])
        self._kernel = kernel if self._readable() else None
        self._postings = Postings(self._starts, self._documents, self._values)

    @classmethod
    def build(cls, documents: Sequence[str], language: Language) -> LexicalIndex:
        """Index `documents` in their order; at least one of them must hold a term."""
        bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        bm25.index(Analyzer(language).phrases(documents), show_progress=False)
        return cls(bm25, language, len(documents))

    @classmethod
    def load(cls, folder: Path, language: Language, size: int, kernel: Kernel | None = None) -> LexicalIndex:
        """Map what `save` wrote; `size` is the number of documents."""
        return cls(bm25s.BM25.load(str(folder), mmap=True), language, size, kernel)

    def save(self, folder: Path) -> None:
        """Write the index into `folder`, which is made."""
        self._bm25.save(str(folder), show_progress=False)

    def holding(self, words: Iterable[str]) -> NDArray[np.bool_]:
        """Return bool (documents,): which hold any of `words`; of a word of several terms, all of them."""
        held = np.zeros(self._size, dtype=np.bool_)
        for word in words:
            terms = self._analyzer.terms(word)
            if terms:
                held[reduce(np.intersect1d, (self._having(term) for term in terms))] = True
        return held

    def _having(self, term: str) -> NDArray[np.intp]:
        number = self._number(term)
        if number is None:
            return np.empty(0, dtype=np.intp)
        return np.asarray(self._documents[self._starts[number] : self._starts[number + 1]], dtype=np.intp)

    def best(
        self, texts: Sequence[str], passed: Sequence[NDArray[np.bool_] | None], depth: int
    ) -> tuple[NDArray[np.float32], list[NDArray[np.int64]]]:
        """Return scores of all documents, float32 (texts, documents): 0 where no term of a text occurs.

        And for each text the `depth` places of the highest above 0 that `passed` (None: all), in no order.
        """
        terms = [self._numbers(text) for text in texts]
        if self._kernel is not None:
            return self._kernel.sum(self._postings, terms, self._size, passed, depth)
        scores = np.stack([self._added_up(of_one) for of_one in terms])
        every = zip(scores, passed, strict=True)
        return scores, [highest(of_one, among, 0.0, depth, None) for of_one, among in every]

    def _added_up(self, terms: list[int]) -> NDArray[np.float32]:
        if not terms:  # of which bm25s makes no scores
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._bm25.get_scores_from_ids(terms), dtype=np.float32)

    def _numbers(self, text: str) -> list[int]:
        return [number for term in self._analyzer.terms(text) if (number := self._number(term)) is not None]

    def _number(self, term: str) -> int | None:
        """Return the place of a term; None of one without postings, as bm25s' own empty one."""
        number: int = self._bm25.vocab_dict.get(term, -1)
        return number if 0 <= number < len(self._starts) - 1 else None

    def _readable(self) -> bool:
        """Tell whether the kernel reads these numbers: Lucene's BM25 gives nothing to documents without the term."""
        arrays = (self._starts, self._documents, self._values)
        return bool(
            [array.dtype.name for array in arrays] == ["int64", "int32", "float32"]
            and all(array.flags.c_contiguous for array in arrays)
            and self._bm25.nonoccurrence_array is None
            and len(self._starts)
            and self._starts[0] >= 0
            and (np.diff(self._starts) >= 0).all()
            and self._starts[-1] <= min(len(self._documents), len(self._values))
        )
