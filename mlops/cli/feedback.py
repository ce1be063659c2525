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
from mlops.errors import Conflict, NotFound, Permanent
from mlops.feedback import user_hash
from mlops.feedback_erasure import erase_user
from mlops.feedback_folders import KEEP_DAYS, spools_of, tidy
from mlops.recorded_sessions import recorded_answers, recorded_feedback, recorded_sessions
from mlops.spool_locks import LOADING, held

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
    since: Annotated[str, typer.Option(help="Day from which on files are read, such as 20260131; unset, all.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Put what was recorded into the database; what is there already stays as it is, so it may run at any time."""
    settings = Settings()
    total = {"answers": 0, "feedback": 0, "broken": 0}
    with _database(settings) as database:
        for folder in spool or [Home(settings.home).feedback]:
            with ExitStack() as stack:
                for each in spools_of(folder):
                    stack.enter_context(held(each, LOADING))
                taken = database.take(recorded_answers(folder, since), recorded_feedback(folder, since))
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
    spool: Annotated[
        Path | None, typer.Option(help="Folder of services in a cluster; without it, this home's.")
    ] = None,
    salt_file: Annotated[
        Path | None, typer.Option(help="File with the salt of those services; without it, this home's.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the count as JSON.")] = False,
) -> None:
    """Remove everything that was kept about one user: answers, clicks, ratings. Services may go on meanwhile.

    First from the spool, so that no later load brings it back; then from the database.
    """
    settings = Settings()
    home = Home(settings.home)
    salt = user_salt(home) if salt_file is None else _salt(salt_file)
    forgotten = user_hash(user, salt.encode())
    erased = erase_user(spool or home.feedback, forgotten)
    if _has_database(settings):
        with _database(settings) as database:
            erased += database.erase(forgotten)
    if json:
        print_json({"erased": erased})
    else:
        answers.print(f"{erased} lines erased", markup=False)


def prune(
    days: Annotated[int, typer.Option(min=1, help="Keep what is at most so many days old.")] = KEEP_DAYS,
    spool: Annotated[
        Path | None, typer.Option(help="Folder of services in a cluster: those that are gone are tidied away too.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the count as JSON.")] = False,
) -> None:
    """Remove what is older from the database; services that run do it in their spools by themselves."""
    gone = [] if spool is None else tidy(spool, now(), days)
    with _database(Settings()) as database:
        pruned = database.prune(now() - timedelta(days=days))
    if json:
        print_json({"pruned": pruned, "folders": gone})
    else:
        answers.print(f"{pruned} rows were older than {days} days, {len(gone)} folders had nothing else", markup=False)


def _salt(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}", hint="name the file with the salt") from error


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
