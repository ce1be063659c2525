"""BM25 of every term for every document, as the bm25s library finishes and writes it; its only importer.

Apart from what reads it: the library brings scipy, which takes a tenth of a second of each start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bm25s

from mlops.retrieval.analyzer import Analyzer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops.recommendation import Language

K1 = 1.2
B = 0.75


def write_lexical(documents: Sequence[str], language: Language, folder: Path) -> None:
    """Write the scores of `documents`, in their order, into `folder`, which is made; one of them must hold a term.

    Formula: Robertson et al. 1994 with Lucene's non-negative idf, which gives nothing to documents without the term.
    """
    bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
    bm25.index(Analyzer(language).phrases(documents), show_progress=False)
    bm25.save(str(folder), show_progress=False)
