"""`recipes feedback load, export, erase, prune`: what users did, into a database, out as sessions, and forgotten."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from mlops.cli.console import answers, print_json
from mlops.cli.wiring import now
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.embedded.user_salt import user_salt
from mlops.errors import Conflict, Permanent
from mlops.feedback import user_hash
from mlops.feedback_erasure import erase_user
from mlops.recorded_sessions import recorded_answers, recorded_feedback, recorded_sessions

if TYPE_CHECKING:
    from mlops.feedback_database.database import FeedbackDatabase


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    group = typer.Typer(no_args_is_help=True, help="What users were shown, and what they made of it.")
    for verb in (load, export, erase, prune):
        group.command()(verb)
    app.add_typer(group, name="feedback")


def load(
    spool: Annotated[
        list[Path] | None, typer.Option(help="Feedback folder of a service, once for each; without it, this home's.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Put what was recorded into the database; what is there already stays as it is, so it may run at any time."""
    settings = Settings()
    total = {"answers": 0, "feedback": 0, "broken": 0}
    with _database(settings) as database:
        for folder in spool or [Home(settings.home).feedback]:
            taken = database.take(recorded_answers(folder), recorded_feedback(folder))
            for name, count in asdict(taken).items():
                total[name] += count
    if json:
        print_json(total)
    else:
        answers.print(f"{total['answers']} answers and {total['feedback']} feedbacks were new", markup=False)


def export(
    out: Annotated[Path, typer.Option(help="New file; sessions as `recipes retrain` reads them.")],
    database: Annotated[
        bool, typer.Option("--database", help="From the database, not from this home's spool.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Write every recorded session, one JSON object a line; users are hashes."""
    settings = Settings()
    counts = {"sessions": 0, "with_feedback": 0}
    try:
        with ExitStack() as stack, out.open("xb") as stream:
            rows = recorded_sessions(Home(settings.home).feedback)
            if database:
                rows = stack.enter_context(_database(settings)).sessions()
            for row in rows:
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
    """Remove everything that was kept about one user: answers, clicks, ratings. Needs the service to be stopped.

    First from the spool of this home, so that no later load brings it back; then from the database.
    """
    settings = Settings()
    home = Home(settings.home)
    forgotten = user_hash(user, user_salt(home).encode())
    erased = erase_user(home.feedback, forgotten)
    if _has_database(settings):
        with _database(settings) as database:
            erased += database.erase(forgotten)
    if json:
        print_json({"erased": erased})
    else:
        answers.print(f"{erased} lines erased", markup=False)


def prune(
    days: Annotated[int, typer.Option(min=1, help="Keep what is at most so many days old.")] = 365,
    json: Annotated[bool, typer.Option("--json", help="Print the count as JSON.")] = False,
) -> None:
    """Remove what is older from the database; the spools do it by themselves."""
    with _database(Settings()) as database:
        pruned = database.prune(now() - timedelta(days=days))
    if json:
        print_json({"pruned": pruned})
    else:
        answers.print(f"{pruned} rows were older than {days} days", markup=False)


def _has_database(settings: Settings) -> bool:
    return settings.feedback_database is not None or _file(settings).exists()


def _file(settings: Settings) -> Path:
    return Home(settings.home).root / "feedback.db"


def _database(settings: Settings) -> FeedbackDatabase:
    from mlops.feedback_database.database import FeedbackDatabase  # noqa: PLC0415 - other verbs start faster without

    if settings.feedback_database is not None:
        return FeedbackDatabase.open(settings.feedback_database.get_secret_value())
    Home(settings.home).prepare()
    return FeedbackDatabase.open(f"sqlite:///{_file(settings)}")
