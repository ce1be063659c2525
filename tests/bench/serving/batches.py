"""Long jobs beside the plain sentence-transformers way of each: an evaluation, a build, a retraining; in seconds of one run.

The plain way does less: it embeds and nothing else where ours also indexes, derives facets and writes an artefact; it
fine-tunes once where ours also holds out, judges and refuses. What would take it an hour is measured on a part and
scaled up in proportion, which the report says.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.artifact.builder import BuildSpec, build
from mlops.artifact.loader import load_model
from mlops.cli.console import phases, say
from mlops.corpus.importing import open_corpus
from mlops.evaluation import Query, evaluate
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.learning.sessions import read_sessions
from mlops.recipe import corpus_digest
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.encoder_source import find_encoder
from mlops.translation.glossary import Glossary
from mlops.translation.identity import IdentityTranslator
from tests.bench.learning import FEEDBACK
from tests.bench.quality import RECIPES
from tests.bench.serving import artefacts
from tests.bench.serving.cache import PEERS, peer_python
from tests.bench.serving.corpus import corpus
from tests.bench.serving.ranking import judged

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.serving.corpus import Base
    from tests.bench.serving.figures import Figures

QUERIES, TRAINED_PAIRS = 740, 256


@dataclass(frozen=True)
class _Both:
    """Runs the plain way, and keeps both times."""

    scratch: Path
    figures: Figures

    def plain(self, name: str, **job: Any) -> float:
        """Seconds of a job of `peers/plain_batches.py`, its model loaded before."""
        path = self.scratch / f"{name}.json"
        path.write_text(json.dumps({"name": name, **job}), encoding="utf-8")
        done = subprocess.run(
            [peer_python("naive"), PEERS / "plain_batches.py", path], stdout=subprocess.PIPE, check=True, text=True,
            env=os.environ | {"BENCH_ENCODER": str(find_encoder().folder)},
        )  # fmt: skip
        seconds: float = json.loads(done.stdout.splitlines()[-1])["seconds"]
        return seconds

    def told(self, name: str, ours: float, plain: float, of: str) -> None:
        self.figures.batches.append({"name": name, "ours": ours, "plain": plain, "ratio": plain / ours, "of": of})


def measure(base: Base, options: argparse.Namespace, scratch: Path, figures: Figures) -> None:
    """Fill `figures.batches`."""
    both = _Both(scratch, figures)
    _evaluation(base, options.sizes[0], both)
    rate = _building(base, options.build_recipes, both)
    if (options.data / FEEDBACK).is_file():
        _retraining(options.data, rate, both)
    else:
        say(f"no retraining: {options.data} has no {FEEDBACK}")


def _evaluation(base: Base, size: int, both: _Both) -> None:
    say(f"evaluation of {QUERIES} queries")
    recipes = corpus(base, size)
    folder = artefacts.ours(recipes, rebuild=False).folder
    chosen = np.random.default_rng(0).choice(size, min(QUERIES, size), replace=False).tolist()
    queries = [
        Query(qid=str(place), kind="known_item", text_en=recipes.recipes[place].title, text_es=None) for place in chosen
    ]
    qrels = {str(place): {recipes.recipes[place].id: 2} for place in chosen}
    recommender = load_model(folder, translator=IdentityTranslator()).recommender
    began = perf_counter()
    evaluate(
        recommender, queries, qrels, language="en", clock=perf_counter, progress=lambda *_: None,
        corpus=[recipe.id for recipe in recipes.recipes],
    )  # fmt: skip
    ours = perf_counter() - began
    np.save(both.scratch / "vectors.npy", recipes.exact)
    plain = both.plain(
        "evaluate",
        queries=[query.text_en for query in queries],
        wanted=chosen,
        vectors=str(both.scratch / "vectors.npy"),
    )
    both.told(f"evaluation of {QUERIES} queries", ours, plain, f"{len(queries)} known items among {size:,} recipes")


def _building(base: Base, count: int, both: _Both) -> float:
    """Return the plain way's seconds a recipe."""
    chosen = np.sort(np.random.default_rng(1).choice(len(base.recipes), min(count, len(base.recipes)), replace=False))
    recipes = [base.recipes[place] for place in chosen]
    say(f"building {len(recipes):,} recipes")
    spec = BuildSpec(
        model=artefacts.MODEL, version="0.0.0-bench", data_digest=corpus_digest(recipes), code_revision="bench",
        encoder=find_encoder(), threads=os.cpu_count() or 1,
    )  # fmt: skip
    began = perf_counter()
    with phases() as progress:
        build(
            recipes, both.scratch / "built", spec, translator=IdentityTranslator(), glossary=Glossary.shipped(),
            progress=progress,
        )  # fmt: skip
    ours = perf_counter() - began
    plain = both.plain("build", texts=[semantic_text(recipe) for recipe in recipes], folder=str(both.scratch))
    both.told("building", ours, plain, f"{len(recipes):,} recipes; ours with its indexes, the plain way only vectors")
    return plain / len(recipes)


def _retraining(data: Path, embedding: float, both: _Both) -> None:
    """`embedding` is the plain way's seconds a recipe: after a fine-tuning every recipe is embedded anew."""
    reading = read_sessions(data / FEEDBACK)
    recipes = {recipe.id: recipe for recipe in open_corpus(data / RECIPES).recipes}
    pairs = _pairs(reading.sessions, recipes)
    say(f"retraining on {len(reading.sessions):,} sessions")
    with judged(data) as (folder, translator):
        request = RetrainRequest(
            artifact=folder, out=both.scratch / "retrained", code_revision="bench", threads=os.cpu_count() or 1
        )
        began = perf_counter()
        with phases() as progress:
            retrain(reading, request, translator=translator, progress=progress, clock=perf_counter)
        ours = perf_counter() - began
    part = pairs[:TRAINED_PAIRS]
    plain = both.plain("retrain", pairs=part) * len(pairs) / len(part) + embedding * len(recipes)
    of = f"{len(reading.sessions):,} sessions; plain: an epoch of {len(pairs):,} clicks and {len(recipes):,} recipes embedded anew, scaled up from {len(part)} clicks"
    both.told("retraining", ours, plain, of)


def _pairs(sessions: Sequence[Any], recipes: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (session.query, semantic_text(recipes[name]))
        for session in sessions
        for name in sorted(session.liked)
        if name in recipes
    ]
