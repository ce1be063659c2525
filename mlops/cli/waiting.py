"""`recipes wait`: for scripts, until a version is where it should be, or cannot come there any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from controller.stages import Stage
from mlops.cli.console import answer, print_json
from mlops.cli.state import opened
from mlops.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.resource.version_status import VersionStatus

TICK = 1.0  # seconds between two looks


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(wait)


def wait(
    version: Annotated[str, typer.Argument(help="Semantic version.")],
    stage: Annotated[Stage, typer.Option("--for", help="The stage to wait for.")] = Stage.PRODUCTION,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 3_600.0,
    json: Annotated[bool, typer.Option("--json", help="Print where it is as JSON.")] = False,
) -> None:
    """Wait until a version is in a stage. Exit 1 where its attempt ended otherwise, 5 where time is up."""
    with opened() as state:

        def look() -> VersionStatus | None:
            state.changed()
            return state.resources.version(version).status

        status = until(look, stage, timeout, time.monotonic, time.sleep)
    where, reason, message = status.stage, status.reason, status.message
    if json:
        print_json({"version": version, "stage": where, "reason": reason, "message": message})
    else:
        answer(f"{version} is in {where}, {reason}" + (f": {message}" if message else ""))
    if where is not stage:
        raise typer.Exit(1)


def until(
    look: Callable[[], VersionStatus | None],
    stage: Stage,
    seconds: float,
    timer: Callable[[], float],
    pause: Callable[[float], None],
) -> VersionStatus:
    """Look until the stage is reached, or the version is archived instead. Raises Transient when time is up."""
    end = timer() + seconds
    while True:
        status = look()
        if status is not None and status.stage in (stage, Stage.ARCHIVED):
            return status
        if timer() >= end:
            where = "nobody has looked at it yet" if status is None else f"it is in {status.stage} ({status.reason})"
            raise Transient(f"not in {stage} after {seconds:g} s: {where}", hint="recipes watch")
        pause(TICK)
