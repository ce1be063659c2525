"""`recipes retrain`: feedback becomes the next version, where it teaches something."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.cli import retraining
from mlops.cli.console import answers, messages, phases, print_json, print_table
from mlops.cli.engines import EngineName, EngineOption, WorkersOption, engine_of
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.monitoring.job_span import job_span
from mlops.revision import code_revision

if TYPE_CHECKING:
    from mlops.learning.retrain import Retrained


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    group = typer.Typer(
        invoke_without_command=True, help="Learn from feedback: the next version, or why there is none."
    )
    group.callback()(retrain)
    retraining.add_to(group)
    app.add_typer(group, name="retrain")


def retrain(  # noqa: PLR0917 - the options of a command
    context: typer.Context,
    artifact: Annotated[Path | None, typer.Option(help="Folder of the artefact to learn on top of.")] = None,
    feedback: Annotated[
        Path | None, typer.Option(help="JSONL sessions: ts, session, lang, query, shown, clicked, ratings; .gz too.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the next version.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    engine: EngineOption = EngineName.LOCAL,
    workers: WorkersOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Learn to rank from FEEDBACK; exit 1 when nothing was learned, with the reason."""
    if context.invoked_subcommand is not None:
        return
    missing = [name for name, given in (("artifact", artifact), ("feedback", feedback), ("out", out)) if given is None]
    if artifact is None or feedback is None or out is None:
        raise typer.BadParameter(f"missing {', '.join(f'--{name}' for name in missing)}", ctx=context)
    from mlops.learning.retrain import RetrainRequest, retrain  # noqa: PLC0415 - other verbs start faster without
    from mlops.learning.sessions import read_sessions  # noqa: PLC0415 - as above

    settings = Settings()
    request = RetrainRequest(
        artifact=artifact, out=out, code_revision=code_revision(), seed=seed, threads=settings.threads
    )
    reading = read_sessions(feedback)
    translator = translator_of(settings)
    started = perf_counter()
    try:
        with (
            job_span("retrain", {"recipes.artifact": str(artifact)}) as span,
            engine_of(engine, workers) as where,
            phases() as told,
            span.phases(told) as progress,
        ):
            done = retrain(reading, request, translator=translator, progress=progress, clock=perf_counter, engine=where)
    finally:
        translator.close()
    document = _document(done, out, perf_counter() - started)
    if json:
        print_json(document)
    else:
        _print(done, out)
    if done.manifest is None:
        raise typer.Exit(1)


def _document(done: Retrained, out: Path, seconds: float) -> dict[str, object]:
    verdict, manifest = done.verdict, done.manifest
    return {
        "decision": verdict.decision.value,
        "learned": manifest is not None,
        "reasons": list(verdict.reasons),
        "warnings": list(verdict.warnings),
        "model": done.parent.model,
        "parent": done.parent.version,
        "parent_digest": done.parent.digest,
        "version": None if manifest is None else manifest.version,
        "digest": None if manifest is None else manifest.digest,
        "artifact": None if manifest is None else str(out),
        "demands": [
            {"name": demand.name, "passed": demand.passed, "reason": demand.reason} for demand in verdict.demands
        ],
        "figures": dict(verdict.figures),
        "seconds": round(seconds, 1),
    }


def _print(done: Retrained, out: Path) -> None:
    verdict = done.verdict
    rows = [("met" if demand.passed else "not met", demand.name, demand.reason) for demand in verdict.demands]
    if rows:
        print_table("Demands", ("", "on", "arithmetic"), rows)
    for warning in verdict.warnings:
        messages.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if done.manifest is None:
        answers.print(f"{verdict.decision.value}: {'; '.join(verdict.reasons)}", markup=False, soft_wrap=True)
        return
    answers.print(f"{done.manifest.model} {done.manifest.version} in {out}\n{done.manifest.digest}")
