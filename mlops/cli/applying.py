"""`recipes apply, delete`: manifests into the state of this home."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.resource.model import Model
from controller.resource.version import ModelVersion
from mlops.cli.console import answer, print_json
from mlops.cli.levers import follows, print_change
from mlops.cli.manifests import read_manifests
from mlops.cli.state import opened, say_when
from mlops.errors import Conflict, Permanent

if TYPE_CHECKING:
    from mlops.cli.manifests import Document
    from mlops.cli.state import State
    from mlops.embedded.resources import Applied


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(apply)
    app.command()(delete)


def apply(
    file: Annotated[
        list[Path],
        typer.Option("-f", "--file", help="YAML or JSON file, a directory of them, or - for standard input."),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print what was applied as JSON.")] = False,
) -> None:
    """Create or change Models, ModelVersions and ModelApprovals from manifests: all of them, or none."""
    documents = read_manifests(file, sys.stdin.buffer)
    with opened(make=True) as state:
        with state.together():
            applied = [_applied(state, document) for document in documents]
        if json:
            print_json([_document(each) for each in applied])
            return
        for each in applied:
            answer(f"{_kind(each)}/{each.resource.meta.name} {each.change}")
        say_when(state)


def delete(
    version: Annotated[str | None, typer.Argument(help="Semantic version.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The Model and all its versions.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the change as JSON.")] = False,
) -> None:
    """Delete a version: taken out of traffic first, then archived, then gone. One in production needs a successor.

    With --all nobody is answered any more; what was registered stays in the registry.
    """
    if everything == (version is not None):
        raise typer.BadParameter("give a version, or --all")
    with opened() as state:
        if version is None:
            _delete_all(state, as_json=json)
            return
        with state.together():
            case = state.case(version)
            if case.version.meta.deleting:
                raise Conflict(f"{case.number} is being deleted already", hint=f"recipes explain {case.number}")
            state.resources.delete(ModelVersion, case.version.name)
        print_change(state, case.number, "is being deleted", follows(case, "it is gone then"), as_json=json)


def _delete_all(state: State, *, as_json: bool) -> None:
    with state.together():
        model, versions = state.model(), state.resources.versions()
        state.resources.delete(Model, model.name)
        for each in versions:
            state.resources.delete(ModelVersion, each.name)
    then = f"its {len(versions)} versions leave, and nobody is answered then"
    print_change(state, model.name, "is being deleted", then, as_json=as_json)


def _applied(state: State, document: Document) -> Applied:
    """One document applied; what forbids it names its place too."""
    try:
        return state.resources.apply(document.manifest, by=state.user)
    except Permanent as fault:
        raise type(fault)(f"{document.place}: {fault.message}; nothing was applied", hint=fault.hint) from fault


def _kind(applied: Applied) -> str:
    return type(applied.resource).__name__.lower()


def _document(applied: Applied) -> dict[str, str]:
    return {
        "kind": type(applied.resource).__name__,
        "name": applied.resource.meta.name,
        "change": str(applied.change),
    }
