"""BM25 over one text field in one language: the finished scores of each term, of which a query adds up a few.

Arrays are .npy files, memory-mapped, and terms are JSON, all as `lexical_building` has the bm25s library write them.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import orjson

from mlops.kernel.operands import Postings
from mlops.retrieval.analyzer import Analyzer
from mlops.retrieval.selection import highest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.recommendation import Language

# Of term t the postings starts[t] up to starts[t + 1]: documents, ascending, and the score of each.
STARTS_FILE, DOCUMENTS_FILE, VALUES_FILE = "indptr.csc.index.npy", "indices.csc.index.npy", "data.csc.index.npy"
TERMS_FILE = "vocab.index.json"


class LexicalIndex:
    """BM25 scores of every document for a query text.

    Where there is a kernel it adds them up, to the bit as numpy does, in a half to a quarter of the time and without
    the interpreter's lock.
    """

    def __init__(
        self,
        terms: Mapping[str, int],
        postings: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
        language: Language,
        size: int,
        kernel: Kernel | None = None,
    ) -> None:
        """`postings` are where those of each term start, their documents, and their scores."""
        self._terms = terms
        self._analyzer = Analyzer(language)
        self._size = size
        # The kernel trusts where postings start, so that is no file's to change. Views of what is mapped, without the
        # class whose every slice costs a microsecond.
        self._starts = np.array(postings[0])
        self._documents, self._values = np.asarray(postings[1]), np.asarray(postings[2])
        self._kernel = kernel if self._readable() else None
        self._whole = Postings(self._starts, self._documents, self._values)

    @classmethod
    def load(cls, folder: Path, language: Language, size: int, kernel: Kernel | None = None) -> LexicalIndex:
        """Map what `write_lexical` wrote; `size` is the number of documents."""
        starts, documents, values = (
            np.load(folder / name, mmap_mode="r", allow_pickle=False)
            for name in (STARTS_FILE, DOCUMENTS_FILE, VALUES_FILE)
        )
        terms = orjson.loads((folder / TERMS_FILE).read_bytes())
        return cls(terms, (starts, documents, values), language, size, kernel)

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
        terms = [self.numbers(text) for text in texts]
        if self._kernel is not None:
            return self._kernel.sum(self._whole, terms, self._size, passed, depth)
        scores = np.stack([self._added_up(of_one) for of_one in terms])
        every = zip(scores, passed, strict=True)
        return scores, [highest(of_one, among, 0.0, depth, None) for of_one, among in every]

    def _added_up(self, terms: list[int]) -> NDArray[np.float32]:
        scores = np.zeros(self._size, dtype=np.float32)
        for term in terms:
            of_term = slice(self._starts[term], self._starts[term + 1])
            scores[self._documents[of_term]] += self._values[of_term]  # a document is there once
        return scores

    @property
    def postings(self) -> Postings | None:
        """What each term gives to which documents, for the kernel; None where it does not read these."""
        return None if self._kernel is None else self._whole

    def numbers(self, text: str) -> list[int]:
        """The terms of `text` that some document has, by their numbers."""
        return [number for term in self._analyzer.terms(text) if (number := self._number(term)) is not None]

    def _number(self, term: str) -> int | None:
        """Return the place of a term; None of one without postings, as bm25s' own empty one."""
        number: int = self._terms.get(term, -1)
        return number if 0 <= number < len(self._starts) - 1 else None

    def _readable(self) -> bool:
        """Tell whether the kernel reads these numbers."""
        arrays = (self._starts, self._documents, self._values)
        return bool(
            [array.dtype.name for array in arrays] == ["int64", "int32", "float32"]
            and all(array.flags.c_contiguous for array in arrays)
            and len(self._starts)
            and self._starts[0] >= 0
            and (np.diff(self._starts) >= 0).all()
            and self._starts[-1] <= min(len(self._documents), len(self._values))
        )
