"""`recipes register, promote, models`: the registry from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops.artifact.manifest import read_manifest, verify
from mlops.cli.console import answers, print_json, print_table
from mlops.cli.state import governed
from mlops.cli.wiring import registry_of, user
from mlops.config import Settings
from mlops.errors import Conflict
from mlops.model_registry import Stage
from mlops.registering import register_artifact


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(register)
    app.command()(promote)
    app.command()(models)


def register(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact.")],
    reason: Annotated[str, typer.Option(help="Reason, kept in the history.")] = "registered by hand",
    json: Annotated[bool, typer.Option("--json", help="Print the version as JSON.")] = False,
) -> None:
    """Verify an artefact and register it in MLflow, with its numbers."""
    manifest = read_manifest(artifact)
    verify(artifact, manifest)
    registered = register_artifact(registry_of(Settings()), artifact, manifest, by=user(), why=reason)
    if json:
        print_json(registered.to_json())
    else:
        answers.print(f"{registered.model} {registered.version} is registered, stage {registered.stage.value}")


def promote(
    version: Annotated[str, typer.Argument(help="Semantic version.")],
    to: Annotated[Stage, typer.Option(help="Stage to move to.")] = Stage.PRODUCTION,
    model: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    reason: Annotated[str, typer.Option(help="Reason, kept in the history.")] = "promoted by hand",
    restore: Annotated[bool, typer.Option(help="Bring an archived version back: a rollback or a pin.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the version as JSON.")] = False,
) -> None:
    """Move a version to a stage, one legal step at a time; only where no Model was applied, which decides itself."""
    settings = Settings()
    named = model or settings.model
    if governed(named):
        raise Conflict(
            f"the Model {named} decides which version is in production, and would take this back",
            hint=f"recipes apply -f FILE, recipes rollback, or recipes pin {version}",
        )
    moved = registry_of(settings).transition(named, version, to, by=user(), why=reason, restore=restore)
    if json:
        print_json(moved.to_json())
    else:
        answers.print(f"{moved.model} {moved.version} is now in {moved.stage.value}")


def models(
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only this stage.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the versions as JSON.")] = False,
) -> None:
    """List the registered versions."""
    versions = registry_of(Settings()).list_versions(model=model, stage=stage)
    if json:
        print_json([version.to_json() for version in versions])
        return
    rows = [
        (each.model, each.version, each.stage.value, ", ".join(each.aliases), each.digest[:19], each.created_at)
        for each in versions
    ]
    print_table("Versions", ("model", "version", "stage", "aliases", "digest", "created"), rows)
