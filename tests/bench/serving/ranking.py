"""NDCG@10 of what is served beside the same with the encoder in fp32, on the shared judged queries."""

# ruff: noqa: SLF001 - what no caller of the product may choose, a bench of its parts must

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from mlops.artifact.loader import open_recommender
from mlops.cli.console import phases, say
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.corpus.importing import open_corpus
from mlops.evaluation import evaluate, read_qrels, read_queries
from mlops.recommendation import Answer, Ask, Filters, Hit
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.recommender import Recommender
from mlops.retrieval.semantic import ExactIndex
from tests.bench.plain_ranking import PlainRanking
from tests.bench.quality import QRELS, QUERIES, RECIPES, artifact_of
from tests.bench.serving.agreement import semantic_best
from tests.bench.serving.artefacts import writers_key
from tests.bench.serving.cache import bench_folder
from tests.bench.serving.corpus import vectors_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mlops.recipe import Recipe
    from mlops.recommendation import Recommends
    from mlops.translation.translator import Translator
    from tests.bench.serving.figures import Figures
    from tests.bench.serving.reference import Reference


@dataclass(frozen=True)
class SemanticAlone:
    """The semantic ranking of an opened artefact and nothing else."""

    recommender: Recommender
    ids: Sequence[str]

    def recommend(self, ask: Ask) -> Answer:
        _, _, hits = semantic_best(self.recommender, ask)
        return Answer(
            hits=tuple(
                Hit(id=self.ids[place], score=1 / (rank + 1), recipe={}, signals=(), translated=True)
                for rank, place in enumerate(hits)
            ),
            language="en", query_en=ask.text, translated=True, filters=Filters(), version="0.0.0-semantic",
        )  # fmt: skip


def in_fp32(recommender: Recommender, reference: Reference, vectors: NDArray[np.float32]) -> Recommender:
    """The same recommender, its queries encoded in fp32 and its vectors, in fp32 too, searched exactly."""
    indexes = replace(recommender._indexes, semantic=ExactIndex(vectors))
    return Recommender(
        recommender._version, reference, indexes, recommender._languages, recommender.learned, recommender._kernel
    )


def measure(data: Path, reference: Reference, figures: Figures) -> None:
    """Add four figures: hybrid and semantic alone, each as served and in fp32. Nothing where the data is not there."""
    missing = [name for name in (RECIPES, QUERIES, QRELS) if not (data / name).is_file()]
    if missing:
        say(f"no NDCG: {data} has no {', '.join(missing)}")
        return
    recipes = judged_recipes(data)
    with judged(data) as (folder, translator):
        _, served = open_recommender(folder, translator=translator)
        ids = [recipe.id for recipe in recipes]
        vectors = vectors_of([semantic_text(recipe) for recipe in recipes], reference)
        systems: dict[str, Recommends] = {
            "hybrid, as served": served,
            "hybrid, fp32": in_fp32(served, reference, vectors),
            "semantic, as served": SemanticAlone(served, ids),
            "semantic, fp32": PlainRanking(ids, lambda text: vectors @ reference.encode([text])[0]),
        }
        with phases() as progress:
            for name, system in systems.items():
                report = evaluate(
                    system, read_queries(data / QUERIES), read_qrels(data / QRELS), language="en", clock=perf_counter,
                    progress=lambda done, total, name=name: progress(name, done, total), corpus=ids,
                )  # fmt: skip
                figures.quality[name] = report.metrics()["ndcg@10"]


@contextmanager
def judged(data: Path) -> Iterator[tuple[Path, Translator]]:
    """Yield the artefact of the judged recipes, trained by this code where none is kept, and its translator."""
    settings = Settings()
    translator = translator_of(settings)
    try:
        folder = bench_folder() / "judged" / writers_key()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with artifact_of(folder, judged_recipes(data), translator, settings):
            yield folder, translator
    finally:
        translator.close()


def judged_recipes(data: Path) -> list[Recipe]:
    """Those that the judged queries ask about, in the order of documents."""
    return sorted(open_corpus(data / RECIPES).recipes, key=lambda recipe: recipe.id)
