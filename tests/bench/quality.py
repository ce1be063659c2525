"""The figures of quality: hybrid retrieval beside plain BM25 and plain MiniLM, in English and Spanish, on shared data.

`make bench-quality`, or `python -m tests.bench.quality [--artifact DIR] [--data DIR]`. A DIR that does not exist is
built and kept: name the same one again only while the code that builds artefacts stays as it is. Exits 1 when a figure
is missed, 0 when all are reached or when the data is not there.

Two things to know of the data: `known_item_es` asks for recipes by their own Spanish titles, which the product indexes;
and no recipe declares minutes, diets or allergens, so that every filter has to be read from the ingredients.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from mlops.artifact import layout
from mlops.artifact.loader import load_model
from mlops.cli.console import messages, phases
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.corpus.importing import open_corpus
from mlops.evaluation import evaluate, read_qrels, read_queries
from mlops.retrieval.encoder import Encoder
from mlops.revision import code_revision
from mlops.training import TrainRequest, train
from tests.bench.constraint_check import count_violations
from tests.bench.plain_ranking import plain_bm25, plain_minilm
from tests.bench.quality_tables import LANGUAGES, print_figures, print_reports, print_violations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops.recipe import Recipe
    from mlops.recommendation import Recommends
    from mlops.translation.translator import Translator
    from tests.bench.quality_tables import Reports

SHARED = Path(__file__).parents[3] / "shared" / "data"
RECIPES, QUERIES, QRELS = "recipes_small.jsonl.gz", "dev_queries.jsonl.gz", "dev_qrels.tsv.gz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench-quality", description="Quality of retrieval on the shared data.")
    parser.add_argument("--artifact", type=Path, help="artefact of the recipes; built there when it does not exist")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the shared data")
    options = parser.parse_args(arguments)
    missing = [name for name in (RECIPES, QUERIES, QRELS) if not (options.data / name).is_file()]
    if missing:
        messages.print(f"Nothing to measure: {options.data} has no {', '.join(missing)}.")
        return 0
    recipes = sorted(open_corpus(options.data / RECIPES).recipes, key=lambda recipe: recipe.id)
    settings = Settings()
    translator = translator_of(settings)
    try:
        with artifact_of(options.artifact, recipes, translator, settings) as folder:
            hybrid = load_model(folder, translator=translator, threads=settings.threads).recommender
            systems = _plain(recipes, folder, settings.threads) | {"hybrid": hybrid}
            reports = _measure(systems, options.data, [recipe.id for recipe in recipes])
            violations = count_violations(hybrid, recipes)
    finally:
        translator.close()
    messages.print(f"Translator: {translator.name} {translator.version}")
    print_reports(reports)
    print_violations(violations)
    return 0 if print_figures(reports, violations) else 1


@contextmanager
def artifact_of(
    folder: Path | None, recipes: Sequence[Recipe], translator: Translator, settings: Settings
) -> Iterator[Path]:
    """Yield the artefact in `folder`, trained first where there is none; without a folder it lasts for this run."""
    if folder is not None and (folder / "manifest.json").is_file():
        yield folder
        return
    request = TrainRequest(
        model="bench",
        version="0.0.0-bench",
        encoder=settings.encoder,
        code_revision=code_revision(),
        threads=settings.threads,
    )
    with TemporaryDirectory(prefix="recipes-bench-") as scratch:
        out = folder or Path(scratch) / "artifact"
        with phases() as progress:
            train(recipes, out, request, translator=translator, progress=progress, clock=perf_counter)
        yield out


def _plain(recipes: Sequence[Recipe], folder: Path, threads: int) -> dict[str, Recommends]:
    encoder = Encoder.load(folder / layout.ENCODER, threads=threads)
    with phases() as progress:
        minilm = plain_minilm(recipes, encoder, lambda done: progress("plain MiniLM", done, len(recipes)))
    return {"bm25": plain_bm25(recipes), "minilm": minilm}


def _measure(systems: Mapping[str, Recommends], data: Path, corpus: Sequence[str]) -> Reports:
    queries, qrels = read_queries(data / QUERIES), read_qrels(data / QRELS)
    with phases() as progress:
        return {
            (name, language): evaluate(
                system,
                queries,
                qrels,
                language=language,
                clock=perf_counter,
                progress=partial(progress, f"{name} {language}"),
                corpus=corpus,
            )
            for name, system in systems.items()
            for language in LANGUAGES
        }


if __name__ == "__main__":
    sys.exit(main())
