"""`recipes describe, explain, history`: what is known of a version, why it is where it is, and how it came there."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.explain import explain as explained
from controller.resource.parse import dump
from controller.resource.version_status import VersionStatus
from mlops.cli.console import answer, print_columns, print_json, print_table
from mlops.cli.description import described
from mlops.cli.durations import instant, moment
from mlops.cli.state import opened
from mlops.cli.wiring import registry_of
from mlops.config import Settings
from mlops.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion
    from mlops.cli.state import State
    from mlops.embedded.records import Notice

VERSION = Annotated[str, typer.Argument(help="Semantic version.")]
JSON = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(describe)
    app.command()(explain)
    app.command()(history)


def describe(version: VERSION, json: JSON = False) -> None:
    """Everything that is known of a version: spec, policy, gates with their numbers, conditions, approvals, notices."""
    with opened() as state:
        found, model = state.version(version)
        approvals = [each for each in state.resources.approvals() if each.spec.version == found.spec.version]
        notices = state.notices(found.spec.version)
        now = state.now
    if json:
        document = {"version": dump(found), "approvals": [dump(each) for each in approvals]}
        print_json({**document, "notices": [_notice(notice) for notice in notices]})
        return
    for line in described(found, model, approvals, notices, now):
        answer(line)


def explain(
    version: VERSION,
    at: Annotated[str | None, typer.Option(help="As it was decided then, such as 2026-03-01T09:30:00Z.")] = None,
    json: JSON = False,
) -> None:
    """Why a version is where it is, or was: the arithmetic, the evidence, and what can be done."""
    with opened() as state:
        found, model = state.version(version) if at is None else _decided(state, version, moment(at))
    lines = explained(found, model)
    if json:
        print_json(_explanation(found, lines))
        return
    for line in lines:
        answer(line)


def _decided(state: State, version: str, at: datetime) -> tuple[ModelVersion, Model]:
    """A version as the last decision by the end of a second left it, also where it is gone now. Raises NotFound."""
    records = state.decisions(version)
    before = [record for record in records if instant(record.at) <= instant(at.astimezone(UTC))]
    if not before:
        since = f"the record begins at {instant(records[0].at)}" if records else "there is no record of it"
        raise NotFound(f"nothing was decided about {version} by {instant(at)}", hint=since)
    return before[-1].left(version)


def history(
    version: Annotated[
        str | None, typer.Argument(help="Semantic version; without it, the changes of production.")
    ] = None,
    registry: Annotated[bool, typer.Option("--registry", help="The registry's events of the version instead.")] = False,
    model: Annotated[str | None, typer.Option(help="Name of the model in the registry.")] = None,
    json: JSON = False,
) -> None:
    """How a version moved between the stages and why; or which versions were in production, and why they changed."""
    if registry:
        _registry_events(version, model, as_json=json)
        return
    with opened() as state:
        found, owner = (None, state.model()) if version is None else state.version(version)
    rows, columns = (_changes(owner), _CHANGES) if found is None else (_moves(found), _MOVES)
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        print_columns([column.upper() for column in columns], rows)
    else:
        answer(f"{version or owner.name} has no history yet")


_MOVES = ("when", "from", "to", "reason", "message")
_CHANGES = ("when", "production", "before", "reason", "message")


def _moves(version: ModelVersion) -> Sequence[Sequence[str]]:
    moves = version.status.history if version.status is not None else ()
    return [(instant(move.at), move.origin, move.target, move.reason, move.message) for move in moves]


def _changes(model: Model) -> Sequence[Sequence[str]]:
    changes = model.status.history if model.status is not None else ()
    return [
        (instant(each.at), each.version or "-", each.instead_of or "-", each.reason, each.message) for each in changes
    ]


def _registry_events(version: str | None, model: str | None, *, as_json: bool) -> None:
    if version is None:
        raise Invalid("the registry keeps events of versions", hint="recipes history VERSION --registry")
    settings = Settings()
    events = registry_of(settings).history(model or settings.model, version)
    if as_json:
        print_json([event.to_json() for event in events])
        return
    rows = [(event.at, event.by, event.source, event.target, event.why) for event in events]
    print_table(f"History of {version} in the registry", ("when", "who", "from", "to", "why"), rows)


def _explanation(version: ModelVersion, lines: Sequence[str]) -> dict[str, Any]:
    status: VersionStatus | None = version.status
    if status is None:
        return {"version": version.spec.version, "stage": None, "reason": None, "lines": lines}
    reason = status.reason
    return {
        "version": version.spec.version,
        "stage": status.stage,
        "reason": reason,
        "message": status.message,
        "meaning": reason.meaning,
        "remedy": reason.remedy,
        "lines": lines,
    }


def _notice(notice: Notice) -> dict[str, Any]:
    return {"at": instant(notice.at), "reason": notice.reason, "message": notice.message, "warning": notice.warning}
