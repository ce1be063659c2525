"""`recipes get`: the resources of this home as a table, or as the manifests that `recipes apply` takes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from controller.resource.parse import dump
from mlops.cli.columns import APPROVAL_COLUMNS, MODEL_COLUMNS, VERSION_COLUMNS, approval_row, model_row, version_row
from mlops.cli.console import answer, print_columns, print_json, say
from mlops.cli.state import opened
from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.resource.parse import Resource
    from mlops.cli.state import State


class Kinds(StrEnum):
    """What can be listed; each also by the short name that kubectl knows it by."""

    MODELS = "models"
    VERSIONS = "versions"
    APPROVALS = "approvals"


class Form(StrEnum):
    """How it is printed."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"
    NAME = "name"


_ALIASES = {
    Kinds.MODELS: ("model", "mdl"),
    Kinds.VERSIONS: ("version", "modelversion", "modelversions", "mv"),
    Kinds.APPROVALS: ("approval", "modelapproval", "modelapprovals", "map"),
}


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(get)


def _kind(text: str) -> Kinds:
    for kind, aliases in _ALIASES.items():
        if text.lower() in (kind, *aliases):
            return kind
    raise typer.BadParameter(f"{text!r} is none of {', '.join(Kinds)}")


def get(
    kind: Annotated[
        Kinds, typer.Argument(parser=_kind, metavar="[models|versions|approvals]", help="What to list.")
    ] = Kinds.VERSIONS,
    name: Annotated[str | None, typer.Argument(help="Only this one, by its name or its version.")] = None,
    output: Annotated[Form, typer.Option("-o", "--output", help="How to print it.")] = Form.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
) -> None:
    """List Models, ModelVersions or ModelApprovals."""
    with opened() as state:
        resources = _found(state, kind, name)
        if json or output is Form.JSON:
            manifests = [dump(resource) for resource in resources]
            print_json(manifests[0] if name else {"apiVersion": "v1", "kind": "List", "items": manifests})
        elif output is Form.YAML:
            answer(_yaml(resources))
        elif output is Form.NAME:
            for resource in resources:
                answer(f"{type(resource).__name__.lower()}/{resource.meta.name}")
        elif resources:
            _print(state, kind, resources)
        else:
            say(f"No {kind} in {state.place}.")


def _found(state: State, kind: Kinds, name: str | None) -> Sequence[Resource]:
    resources = state.resources
    match kind:
        case Kinds.MODELS:
            found: Sequence[Any] = [model] if (model := resources.model()) is not None else []
        case Kinds.VERSIONS if name is not None:
            return [resources.version(name)]
        case Kinds.VERSIONS:
            found = resources.versions()
        case Kinds.APPROVALS:
            found = resources.approvals()
    if name is None:
        return found
    named = [each for each in found if name in (each.meta.name, getattr(each.spec, "version", None))]
    if not named:
        raise NotFound(f"there is nothing named {name} among the {kind}", hint=f"recipes get {kind}")
    return named


def _print(state: State, kind: Kinds, resources: Sequence[Any]) -> None:
    traffic = state.traffic()
    match kind:
        case Kinds.MODELS:
            print_columns(MODEL_COLUMNS, [model_row(each, traffic, state.now) for each in resources])
        case Kinds.VERSIONS:
            print_columns(VERSION_COLUMNS, [version_row(each, traffic, state.now) for each in resources])
        case Kinds.APPROVALS:
            print_columns(APPROVAL_COLUMNS, [approval_row(each, state.now) for each in resources])


def _yaml(resources: Sequence[Resource]) -> str:
    documents = [dump(resource) for resource in resources]
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True).rstrip()
