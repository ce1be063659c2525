"""`recipes train` and `recipes evaluate`: a corpus becomes an artefact; an artefact is judged."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops.artifact.manifest import read_manifest
from mlops.cli.console import answers, messages, phases, print_json, print_table, say
from mlops.cli.engines import EngineName, EngineOption, WorkersOption, engine_of
from mlops.cli.wiring import registry_of, translator_of, user
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.errors import NotFound
from mlops.monitoring.job_span import job_span
from mlops.registering import register_artifact
from mlops.revision import code_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.engines.port import Engine
    from mlops.model_registry import ModelRegistry, RegisteredVersion
    from mlops.monitoring.job_span import JobSpan
    from mlops.training import TrainRequest


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(train)
    app.command()(evaluate)


def train(  # noqa: PLR0917 - the options of a command
    out: Annotated[Path | None, typer.Option(help="New folder for the artefact; needed without --register.")] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="A file of recipes; without it, what was imported, else the sample.")
    ] = None,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "recipes",
    version: Annotated[str, typer.Option(help="Semantic version of the artefact.")] = "1.0.0",
    encoder: Annotated[str | None, typer.Option(help="Packaged encoder, folder, or Hugging Face name.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    engine: EngineOption = EngineName.LOCAL,
    workers: WorkersOption = None,
    register: Annotated[
        bool, typer.Option("--register", help="Register it too; nothing is done where the registry has the version.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build an artefact: encoder, vectors, lexical indexes, translations, profile, evaluation.

    Vectors that an earlier run was killed over are not computed again.
    """
    from mlops.training import TrainRequest  # noqa: PLC0415 - other verbs start faster without

    if out is None and not register:
        raise typer.BadParameter("give --out, --register, or both")
    settings = Settings()
    registry = registry_of(settings) if register else None
    if registry is not None and (known := _registered(registry, model, version)) is not None:
        _print_known(known, as_json=json)
        return
    request = TrainRequest(
        model=model,
        version=version,
        encoder=encoder or settings.encoder,
        code_revision=code_revision(),
        seed=seed,
        # A worker of Ray has one processor.
        threads=settings.threads if engine is EngineName.LOCAL else 1,
        kept=Home(settings.home).vectors,
    )
    with (
        nullcontext(out) if out is not None else _scratch() as folder,
        job_span("train", {"recipes.model": model, "recipes.version": version}) as span,
    ):
        with engine_of(engine, workers) as where:
            result = _trained(corpus, folder, request, settings, where, span, as_json=json)
        if registry is not None:
            manifest = read_manifest(folder)
            register_artifact(registry, folder, manifest, by=user(), why="trained and registered at once")
            say(f"{model} {version} is registered")
    if json:
        print_json(result)


def _trained(
    corpus: Path | None,
    out: Path,
    request: TrainRequest,
    settings: Settings,
    engine: Engine,
    span: JobSpan,
    *,
    as_json: bool,
) -> dict[str, object]:
    """Train into the folder `out`; tables are printed, what JSON has to say is returned."""
    from mlops.embedded.corpus import recipes_for_training  # noqa: PLC0415 - other verbs start faster without
    from mlops.evaluation.gates import first_version_gates  # noqa: PLC0415 - as above
    from mlops.training import train  # noqa: PLC0415 - as above

    reading = recipes_for_training(corpus, settings.home)
    say(f"Reading {reading.source}")
    translator = translator_of(settings)
    try:
        with phases() as told, span.phases(told) as progress:
            trained = train(
                reading.recipes,
                out,
                request,
                translator=translator,
                progress=progress,
                clock=perf_counter,
                engine=engine,
            )
    finally:
        translator.close()
    manifest = trained.manifest
    if not as_json:
        if reading.rejected:
            messages.print(f"{reading.rejected} rows were refused; recipes import names each with its reason")
        answers.print(f"{manifest.model} {manifest.version}: {manifest.recipes} recipes in {out}\n{manifest.digest}")
        rows = [(name, f"{value:.4f}") for name, value in manifest.metrics.items()]
        print_table("Evaluation", ("metric", "value"), rows)
    return {
        "artifact": str(out),
        "model": manifest.model,
        "version": manifest.version,
        "digest": manifest.digest,
        "data_digest": manifest.data_digest,
        "recipes": manifest.recipes,
        "rejected": reading.rejected,
        "metrics": manifest.metrics,
        "trace": span.traceparent,
        "gates": [
            {"name": gate.name, "passed": gate.passed, "reason": gate.reason}
            for gate in first_version_gates(trained.report)
        ],
    }


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that goes with the command, and in it the path of one that is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "artifact"


def _registered(registry: ModelRegistry, model: str, version: str) -> RegisteredVersion | None:
    try:
        return registry.get(model, version)
    except NotFound:
        return None


def _print_known(known: RegisteredVersion, *, as_json: bool) -> None:
    if as_json:
        print_json({"model": known.model, "version": known.version, "digest": known.digest, "registered": "before"})
    else:
        say(f"{known.model} {known.version} is registered already: nothing was trained")


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
