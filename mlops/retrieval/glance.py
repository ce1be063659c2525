"""All that the indexes say of several questions in one call of the kernel, where all parts of a model are the kernel's.

What it finds is the same to the bit as step by step (`mlops.retrieval.search`), in fewer steps of the interpreter, and
without letting go of it at each. Who does may wait half a millisecond to have it back.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from mlops.kernel.looking import Asked, Holdings
from mlops.retrieval.fusion import DEPTH, shares_of
from mlops.retrieval.kernel_encoder import KernelEncoder
from mlops.retrieval.ranking import LEXICAL, PANTRY, SEMANTIC, SPANISH, Found, Said
from mlops.retrieval.semantic import SketchedIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlops.kernel.library import Kernel
    from mlops.kernel.looking import Best, Given, Seconds
    from mlops.retrieval.lexical import LexicalIndex
    from mlops.retrieval.search import Encodes, Indexes


class Glance:
    """Looks questions up by the kernel. Safe to use from several threads."""

    def __init__(self, kernel: Kernel, encoder: KernelEncoder, text: LexicalIndex, holdings: Holdings) -> None:
        self._kernel = kernel
        self._tokens = encoder.tokens
        self._text = text
        self._holdings = holdings

    @classmethod
    def over(cls, encoder: Encodes, indexes: Indexes, kernel: Kernel | None) -> Glance | None:
        """None where a part is not the kernel's."""
        semantic, postings = indexes.semantic, indexes.text.postings
        if kernel is None or postings is None:
            return None
        if not isinstance(encoder, KernelEncoder) or not isinstance(semantic, SketchedIndex):
            return None
        holdings = Holdings(encoder.model, semantic.index, postings, semantic.vectors, semantic.wanted(DEPTH))
        return cls(kernel, encoder, indexes.text, holdings)

    def see(
        self,
        texts: Sequence[str],
        passed: Sequence[NDArray[np.bool_] | None],
        given: Sequence[Mapping[str, Given]],
    ) -> tuple[NDArray[np.float32], list[NDArray[np.int64]], list[dict[str, NDArray[np.float32]]], Seconds]:
        """Look, for each of `texts`, at the recipes that a ranking may rank. `given` are rankings by their names.

        Return the vectors, float32 (texts, dimension), the recipes, ascending, and their scores by each ranking.
        """
        seen = self._holdings.see(self._kernel, self._asked(texts, passed, given))
        scores = [_by_name(*each) for each in zip(seen.scores, given, strict=True)]
        return seen.vectors, seen.documents, scores, seen.seconds

    def find(
        self,
        texts: Sequence[str],
        passed: Sequence[NDArray[np.bool_] | None],
        given: Sequence[Mapping[str, Given]],
        k: int,
    ) -> tuple[list[Found], Seconds]:
        """As `see`, and the best `k` of what is seen, fused."""
        best, seconds = self._holdings.best(self._kernel, self._asked(texts, passed, given), k)
        return [_found(*each) for each in zip(best, given, strict=True)], seconds

    def _asked(
        self,
        texts: Sequence[str],
        passed: Sequence[NDArray[np.bool_] | None],
        given: Sequence[Mapping[str, Given]],
    ) -> list[Asked]:
        every = zip(self._tokens.ids(texts), texts, passed, given, strict=True)
        return [self._one(*each) for each in every]

    def _one(self, tokens: bytes, text: str, among: NDArray[np.bool_] | None, given: Mapping[str, Given]) -> Asked:
        terms = array("q", self._text.numbers(text)).tobytes()
        if not given:
            return Asked(tokens, terms, among, shares_of(2, bonus=False))
        shares = shares_of(2 + (SPANISH in given), bonus=PANTRY in given)
        return Asked(tokens, terms, among, shares, given.get(SPANISH), given.get(PANTRY))


def _by_name(scores: NDArray[np.float32], given: Mapping[str, Given]) -> dict[str, NDArray[np.float32]]:
    names = (SEMANTIC, LEXICAL, SPANISH, PANTRY)
    return {name: row for name, row in zip(names, scores, strict=True) if name in given or name in names[:2]}


def _found(best: Best, given: Mapping[str, Given]) -> Found:
    names = [SEMANTIC, LEXICAL]
    if PANTRY in given:
        names.insert(0, PANTRY)
    if SPANISH in given:
        names.append(SPANISH)
    said = zip(names, best.ranks, best.scores, best.shares, strict=True)
    return Found(best.documents, best.totals, [*map(Said._make, said)])
