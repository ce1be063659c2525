"""`recipes retrain cron`: the line with which cron asks, where nobody keeps `recipes up` running."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from controller.schedule import check_cron
from mlops.cli.console import answer, print_json, say
from mlops.cli.state import opened
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.errors import NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping

# At night, before people look.
NIGHTLY = "23 4 * * *"
_VARIABLES = {f"RECIPES_{name.upper()}": field for name, field in Settings.model_fields.items()}
# An MLflow's address may hold a password too.
_SECRET = {name for name, field in _VARIABLES.items() if field.annotation == SecretStr | None} | {"RECIPES_MLFLOW_URI"}


def cron(
    schedule: Annotated[
        str | None, typer.Option(help="Cron line of five fields; unset, the Model's, or else every night.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the line and its parts as JSON.")] = False,
) -> None:
    """Print a line for crontab that asks whether it is time, and retrains if so. Nothing is installed or started."""
    home = Home(Settings().home)
    home.production()
    given, zone = (schedule, None) if schedule else _of_model()
    try:
        check_cron(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--schedule") from error
    program = Path(sys.executable).with_name("recipes")
    told = {name: os.environ[name] for name in _VARIABLES.keys() - _SECRET if name in os.environ}
    line = crontab_line(given, program=program, folder=Path.cwd(), settings=told | {"RECIPES_HOME": str(home.root)})
    if json:
        print_json({"schedule": given, "time_zone": zone, "line": line})
    else:
        if zone is not None:
            answer(f"CRON_TZ={zone}")
            say("cronie and fcron go by CRON_TZ; Debian's cron does not know it and goes by the time of the machine")
        answer(line)
    left_out = sorted(_SECRET & os.environ.keys())
    if left_out:
        say(f"not in the line, for they may be secret: {', '.join(left_out)}; put them into {Path.cwd() / '.env'}")


def crontab_line(schedule: str, *, program: Path, folder: Path, settings: Mapping[str, str]) -> str:
    """Return one line of a crontab: in `folder`, with `settings`, output added to a file in the home.

    Raises Permanent where a value holds what no crontab can. There `%` ends the command unless a backslash is before
    it, and that backslash cannot itself be escaped (crontab(5), do_command.c).
    """
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(settings.items()))
    log = shlex.quote(str(Path(settings["RECIPES_HOME"]) / "cron.log"))
    start = f"{shlex.quote(str(program))} retrain start --when-due --reason cron"
    command = f"cd {shlex.quote(str(folder))} && {given} {start} >> {log} 2>&1"
    for unsayable, name in (("\n", "a line break"), ("\r", "a line break"), ("\\%", "a % after a backslash")):
        if unsayable in command:
            raise Permanent(f"a crontab cannot hold {name}", hint="rename what holds one: a folder, or a setting")
    return f"{schedule} {command.replace('%', chr(92) + '%')}"


def _of_model() -> tuple[str, str | None]:
    """The Model's schedule and its time zone; where it has none, every night by the time of the machine."""
    try:
        with opened() as state:
            retraining = state.model().spec.retraining
    except NotFound:
        return NIGHTLY, None
    if retraining.schedule is None:
        return NIGHTLY, None
    return retraining.schedule, retraining.time_zone
