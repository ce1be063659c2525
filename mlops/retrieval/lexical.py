"""BM25 over one text field in one language. Arrays on disk are plain .npy and JSON, memory-mapped when loaded.

Formula: Robertson et al. 1994 with Lucene's non-negative idf; computed by the bm25s library, which stores the finished
term scores as a sparse matrix, so a query is a sum of a few columns.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import bm25s
import numpy as np

from mlops.retrieval.analyzer import Analyzer

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
        self._kernel = kernel if _addable(bm25) else None
        self._analyzer = Analyzer(language)
        self._size = size

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
                held[reduce(np.intersect1d, (self._postings(term) for term in terms))] = True
        return held

    def _postings(self, term: str) -> NDArray[np.intp]:
        number = self._bm25.vocab_dict.get(term)
        if number is None:
            return np.empty(0, dtype=np.intp)
        starts = self._bm25.scores["indptr"]
        documents = self._bm25.scores["indices"][starts[number] : starts[number + 1]]
        return np.asarray(documents, dtype=np.intp)

    def scores(self, text: str) -> NDArray[np.float32]:
        """Return one score per document, float32 (documents,); 0 where no term of the query occurs."""
        known = [term for term in self._analyzer.terms(text) if term in self._bm25.vocab_dict]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        if self._kernel is None:
            return np.asarray(self._bm25.get_scores(known), dtype=np.float32)
        scores = np.zeros(self._size, dtype=np.float32)
        starts, documents, values = (self._bm25.scores[name] for name in ("indptr", "indices", "data"))
        for term in known:
            number = self._bm25.vocab_dict[term]
            postings = slice(int(starts[number]), int(starts[number + 1]))
            self._kernel.add(scores, documents[postings], values[postings])
        return scores


def _addable(bm25: bm25s.BM25) -> bool:
    """Tell whether the kernel reads these numbers: Lucene's BM25 gives nothing to documents without the term."""
    found = bm25.scores
    kinds = found["indices"].dtype == np.int32 and found["data"].dtype == np.float32
    return bool(kinds and bm25.nonoccurrence_array is None)
