"""`recipes train` and `recipes evaluate`: a corpus becomes an artefact; an artefact is judged."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer

from mlops.cli.console import answers, messages, phases, print_json, print_table, say
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.revision import code_revision


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(train)
    app.command()(evaluate)


def train(
    out: Annotated[Path, typer.Option(help="New folder for the artefact.")],
    corpus: Annotated[
        Path | None, typer.Option(help="A file of recipes; without it, what was imported, else the sample.")
    ] = None,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "recipes",
    version: Annotated[str, typer.Option(help="Semantic version of the artefact.")] = "1.0.0",
    encoder: Annotated[str | None, typer.Option(help="Packaged encoder, folder, or Hugging Face name.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build an artefact: encoder, vectors, lexical indexes, translations, profile, evaluation."""
    from mlops.embedded.corpus import recipes_for_training  # noqa: PLC0415 - other verbs start faster without
    from mlops.evaluation.gates import first_version_gates  # noqa: PLC0415 - as above
    from mlops.training import TrainRequest, train  # noqa: PLC0415 - as above

    settings = Settings()
    request = TrainRequest(
        model=model,
        version=version,
        encoder=encoder or settings.encoder,
        code_revision=code_revision(),
        seed=seed,
        threads=settings.threads,
    )
    reading = recipes_for_training(corpus, settings.home)
    say(f"Reading {reading.source}")
    translator = translator_of(settings)
    try:
        with phases() as progress:
            trained = train(reading.recipes, out, request, translator=translator, progress=progress, clock=perf_counter)
    finally:
        translator.close()
    manifest = trained.manifest
    result = {
        "artifact": str(out),
        "model": manifest.model,
        "version": manifest.version,
        "digest": manifest.digest,
        "data_digest": manifest.data_digest,
        "recipes": manifest.recipes,
        "rejected": reading.rejected,
        "metrics": manifest.metrics,
        "gates": [
            {"name": gate.name, "passed": gate.passed, "reason": gate.reason}
            for gate in first_version_gates(trained.report)
        ],
    }
    if json:
        print_json(result)
        return
    if reading.rejected:
        messages.print(f"{reading.rejected} rows were refused; recipes import names each with its reason")
    answers.print(f"{manifest.model} {manifest.version}: {manifest.recipes} recipes in {out}\n{manifest.digest}")
    print_table("Evaluation", ("metric", "value"), [(name, f"{value:.4f}") for name, value in manifest.metrics.items()])


def evaluate(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact.")],
    queries: Annotated[Path, typer.Option(help="JSONL with qid, kind, text_en, text_es; .gz is read too.")],
    qrels: Annotated[Path, typer.Option(help="TREC judgements: qid 0 document grade; .gz is read too.")],
    lang: Annotated[Literal["en", "es"], typer.Option(help="Which text of the queries to ask.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Judge an artefact on queries with known answers."""
    from mlops.artifact.loader import load_model  # noqa: PLC0415 - other verbs start faster without
    from mlops.evaluation import evaluate, read_qrels, read_queries  # noqa: PLC0415 - as above
    from mlops.retrieval.rows import Rows  # noqa: PLC0415 - as above

    asked, judged = read_queries(queries), read_qrels(qrels)
    translator = translator_of(Settings())
    try:
        model = load_model(artifact, translator=translator)
        with phases() as progress:
            report = evaluate(
                model.recommender,
                asked,
                judged,
                language=lang,
                clock=perf_counter,
                progress=lambda done, total: progress("evaluate", done, total),
                corpus=Rows.load(artifact).ids(),
            )
    finally:
        translator.close()
    if json:
        print_json(report.to_json())
        return
    print_table("Evaluation", ("metric", "value"), [(name, f"{value:.4f}") for name, value in report.metrics().items()])
