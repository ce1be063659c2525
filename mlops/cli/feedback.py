"""`recipes feedback export, erase`: what users did, as sessions; and one user forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from mlops.cli.console import answers, print_json
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.embedded.user_salt import user_salt
from mlops.errors import Conflict, Permanent
from mlops.feedback import user_hash
from mlops.feedback_erasure import erase_user
from mlops.recorded_sessions import recorded_sessions


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    group = typer.Typer(no_args_is_help=True, help="What users were shown, and what they made of it.")
    group.command()(export)
    group.command()(erase)
    app.add_typer(group, name="feedback")


def export(
    out: Annotated[Path, typer.Option(help="New file; sessions as `recipes retrain` reads them.")],
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Write every recorded session, one JSON object a line; users are hashes."""
    home = Home(Settings().home)
    counts = {"sessions": 0, "with_feedback": 0}
    try:
        with out.open("xb") as stream:
            for row in recorded_sessions(home.feedback):
                counts["sessions"] += 1
                counts["with_feedback"] += bool(row["clicked"] or row["cooked"] or row["ratings"])
                stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    except FileExistsError as error:
        raise Conflict(f"{out} exists", hint="name a new file") from error
    except OSError as error:
        raise Permanent(f"{out} cannot be written: {error.strerror}", hint="check the folder and its space") from error
    if json:
        print_json(counts)
    else:
        answers.print(f"{counts['sessions']} sessions, {counts['with_feedback']} with feedback, in {out}", markup=False)


def erase(
    user: Annotated[str, typer.Argument(help="The user_id that clients send; only its hash is kept.")],
    json: Annotated[bool, typer.Option("--json", help="Print the count as JSON.")] = False,
) -> None:
    """Remove everything that was kept about one user: answers, clicks, ratings. Needs the service to be stopped."""
    home = Home(Settings().home)
    erased = erase_user(home.feedback, user_hash(user, user_salt(home).encode()))
    if json:
        print_json({"erased": erased})
    else:
        answers.print(f"{erased} lines erased", markup=False)
