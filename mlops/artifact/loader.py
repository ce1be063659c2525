"""From an artefact's folder to a model that answers. Verifies every file first; arrays stay on disk, memory-mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.artifact import layout
from mlops.artifact.manifest import read_manifest, verify
from mlops.errors import Permanent
from mlops.kernel.library import kernel
from mlops.recommendation import ServedModel
from mlops.retrieval.int8_encoder import FOLDER, open_int8
from mlops.retrieval.lexical import LexicalIndex
from mlops.retrieval.recommender import Recommender
from mlops.retrieval.rows import Rows
from mlops.retrieval.search import Indexes
from mlops.retrieval.semantic import ExactIndex, SketchedIndex
from mlops.retrieval.sketches import SketchBook
from mlops.retrieval.understanding import Languages
from mlops.translation.glossary import Glossary
from mlops.translation.language import LanguageDetector
from mlops.translation.query import QueryTranslator

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.artifact.manifest import Manifest
    from mlops.kernel.library import Kernel
    from mlops.retrieval.encoder import Encoder
    from mlops.retrieval.kernel_encoder import KernelEncoder
    from mlops.retrieval.learned_ranking import LearnedRanking
    from mlops.retrieval.semantic import SemanticIndex
    from mlops.translation.translator import Translator


def load_model(
    folder: Path, *, translator: Translator, expected_digest: str | None = None, threads: int = 1
) -> ServedModel:
    """Verify and open the artefact in `folder`.

    Raises NotFound, Invalid or Permanent that name the file at fault; nothing is served from a damaged artefact.
    """
    manifest, recommender = open_recommender(
        folder, translator=translator, expected_digest=expected_digest, threads=threads
    )
    return ServedModel(
        name=manifest.model,
        version=manifest.version,
        digest=manifest.digest,
        recipes=manifest.recipes,
        recommender=recommender,
    )


def open_recommender(
    folder: Path, *, translator: Translator, expected_digest: str | None = None, threads: int = 1
) -> tuple[Manifest, Recommender]:
    """As `load_model`, for who needs the parts: the manifest, and the recommender with more than its port."""
    manifest = read_manifest(folder)
    verify(folder, manifest, expected_digest)
    glossary = Glossary.load(folder / layout.GLOSSARY)
    languages = Languages(detector=LanguageDetector(glossary), english=QueryTranslator(translator, glossary))
    quick = kernel()
    indexes = _open_indexes(folder, quick)
    encoder = _open_encoder(folder / layout.ENCODER, quick, threads)
    if not encoder.dimension == indexes.semantic.dimension == manifest.dimension:
        raise Permanent(
            f"{folder}: the encoder has {encoder.dimension} dimensions, the vectors {indexes.semantic.dimension}, "
            f"the manifest says {manifest.dimension}",
            hint="train the version again",
        )
    learned = _open_learned(folder, indexes, manifest.dimension)
    return manifest, Recommender(manifest.version, encoder, indexes, languages, learned, quick)


def _open_encoder(folder: Path, quick: Kernel | None, threads: int) -> KernelEncoder | Encoder:
    """Encode queries in 8 bit where this machine and this artefact can, else by the float graph."""
    if quick is not None and (folder / FOLDER).is_dir():
        return open_int8(folder, quick)
    # Imported where its graph is run: the runtime takes 20 ms and 20 MB.
    from mlops.retrieval.encoder import Encoder  # noqa: PLC0415

    return Encoder.load(folder, threads=threads)


def _open_learned(folder: Path, indexes: Indexes, dimension: int) -> LearnedRanking | None:
    """What the version learned from feedback; None for one that has not been retrained."""
    learned = folder / layout.LEARNED
    if not learned.is_dir():
        return None
    # As above: its trees are run by the same runtime.
    from mlops.retrieval.learned_ranking import LearnedRanking  # noqa: PLC0415

    return LearnedRanking.load(learned, indexes.facets["ingredients"], dimension)


def _open_semantic(folder: Path, vectors: NDArray[np.floating[Any]], quick: Kernel | None) -> SemanticIndex:
    """Search by sketches where the artefact has them and this machine can, else exactly."""
    sketched = folder / layout.SKETCHES
    if quick is None or vectors.dtype != np.float16 or not sketched.is_dir():
        return ExactIndex(np.asarray(vectors, dtype=np.float32))
    return SketchedIndex(vectors, SketchBook.load(sketched, *vectors.shape), quick)


def _open_indexes(folder: Path, quick: Kernel | None) -> Indexes:
    rows = Rows.load(folder, quick)
    vectors = np.load(folder / layout.VECTORS, mmap_mode="r", allow_pickle=False)
    facets = np.load(folder / layout.FACETS, allow_pickle=False)
    if not len(rows) == len(vectors) == len(facets):
        raise Permanent(
            f"{folder}: {len(rows)} rows, {len(vectors)} vectors and {len(facets)} facets do not fit together",
            hint="train the version again",
        )
    spanish = folder / layout.SPANISH_INDEX
    return Indexes(
        semantic=_open_semantic(folder, vectors, quick),
        text=LexicalIndex.load(folder / layout.TEXT_INDEX, "en", len(rows), quick),
        parts=LexicalIndex.load(folder / layout.PARTS_INDEX, "en", len(rows), quick),
        spanish=LexicalIndex.load(spanish, "es", len(rows), quick) if spanish.is_dir() else None,
        facets=facets,
        rows=rows,
    )
