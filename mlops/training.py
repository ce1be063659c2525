"""A training from corpus to sealed artefact: learn the glossary, build, evaluate, record the numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.artifact.builder import BuildSpec, Progress, build, seal
from mlops.artifact.loader import load_model
from mlops.evaluation import Query, evaluate
from mlops.evaluation.sample import sample_set
from mlops.recipe import corpus_digest
from mlops.retrieval.encoder_source import find_encoder
from mlops.translation.alignment import learn_glossary
from mlops.translation.glossary import Glossary
from mlops.translation.language import LanguageDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlops.artifact.manifest import Manifest
    from mlops.engines.port import Engine
    from mlops.evaluation import EvaluationReport, Qrels
    from mlops.recipe import Recipe
    from mlops.translation.translator import Translator

KNOWN_ITEMS = 200
SURE_SPANISH = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train. `code_revision` is recorded, `seed` draws known-item queries, `kept` is that of `BuildSpec`."""

    model: str
    version: str
    encoder: str
    code_revision: str
    seed: int = 0
    threads: int = 2
    kept: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The sealed artefact's manifest and the full evaluation behind its numbers."""

    manifest: Manifest
    report: EvaluationReport


def train(
    recipes: Iterable[Recipe],
    out: Path,
    request: TrainRequest,
    *,
    translator: Translator,
    progress: Progress,
    clock: Callable[[], float],
    engine: Engine | None = None,
) -> Trained:
    """Build and seal the artefact of `recipes` in the folder `out`; `engine` embeds them, unset this process does.

    Two recipes of one id count once, the later. Raises what `build` raises.
    """
    corpus = corpus_of(recipes)
    glossary = _learn(corpus)
    spec = BuildSpec(
        model=request.model,
        version=request.version,
        data_digest=corpus_digest(corpus),
        code_revision=request.code_revision,
        encoder=find_encoder(request.encoder),
        seed=request.seed,
        threads=request.threads,
        kept=request.kept,
    )
    manifest = build(corpus, out, spec, translator=translator, glossary=glossary, progress=progress, engine=engine)
    queries, qrels = evaluation_set(corpus, request.seed)
    model = load_model(out, translator=translator)
    report = evaluate(
        model.recommender,
        queries,
        qrels,
        language="en",
        clock=clock,
        progress=lambda done, total: progress("evaluate", done, total),
        corpus=[recipe.id for recipe in corpus],
    )
    return Trained(manifest=seal(out, manifest, report.reproducible(), report.metrics()), report=report)


def corpus_of(recipes: Iterable[Recipe]) -> list[Recipe]:
    """The recipes in the order of an artefact: by id, of which the last one counts."""
    return sorted({recipe.id: recipe for recipe in recipes}.values(), key=lambda recipe: recipe.id)


def evaluation_set(corpus: Sequence[Recipe], seed: int) -> tuple[Sequence[Query], Qrels]:
    """The judged queries where the corpus holds the sample; else known items: titles that must find their recipe."""
    ids = {recipe.id for recipe in corpus}
    queries, qrels = sample_set()
    if {document for grades in qrels.values() for document in grades} <= ids:
        return queries, qrels
    return known_items(corpus, seed)


def known_items(corpus: Sequence[Recipe], seed: int) -> tuple[Sequence[Query], Qrels]:
    """Titles drawn from `corpus`, each of which must find its recipe."""
    drawn = random.Random(seed).sample(list(corpus), min(KNOWN_ITEMS, len(corpus)))  # noqa: S311 - a sample, not a secret
    titles = tuple(
        Query(qid=f"known-{number}", kind="known_item", text_en=recipe.title, text_es=recipe.title_es)
        for number, recipe in enumerate(drawn)
    )
    return titles, {query.qid: {recipe.id: 2} for query, recipe in zip(titles, drawn, strict=True)}


def _learn(corpus: Sequence[Recipe]) -> Glossary:
    """The shipped glossary, and the words that this corpus' own pairs of titles teach."""
    shipped = Glossary.shipped()
    detector = LanguageDetector(shipped)
    pairs = [(title, recipe.title) for recipe in corpus if (title := spanish_title(recipe, detector))]
    return shipped.merged(learn_glossary(pairs)) if pairs else shipped


def spanish_title(recipe: Recipe, detector: LanguageDetector) -> str | None:
    """The title in Spanish, None where there is none: an original title counts only where it reads as Spanish."""
    if recipe.title_es or not recipe.title_original:
        return recipe.title_es
    detected = detector.detect(recipe.title_original)
    return recipe.title_original if detected.language == "es" and detected.confidence >= SURE_SPANISH else None
