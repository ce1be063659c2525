"""`recipes retrain check, checks, drift, start, cron, jobs, cancel`: retraining in this home."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.resource.version import Trigger
from mlops.asked_drift_seen import seen
from mlops.cli.console import answers, print_json, print_table, say
from mlops.cli.crontab import cron
from mlops.cli.wiring import now, registry_of
from mlops.config import Settings
from mlops.embedded.check_records import CheckRecords
from mlops.embedded.database import Database
from mlops.embedded.drift_file import write_reports
from mlops.embedded.home import Home
from mlops.embedded.job_processes import end_process_of
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.registry_view import RegistryView
from mlops.embedded.retrain_check import HomeRetrainCheck
from mlops.errors import Conflict, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.embedded.job_table import Job
    from predictor.ports import RetrainDecision

NOTHING_RAN = "no retraining was ever started in this home"


def add_to(group: typer.Typer) -> None:
    """Add the verbs of this module."""
    group.command()(check)
    group.command()(checks)
    group.command()(drift)
    group.command()(start)
    group.command()(cron)
    group.command()(jobs)
    group.command()(cancel)


def check(
    model: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Is it time to train again? The same answer as POST /retrain/check; nothing is started."""
    settings = Settings()
    _print_decision(_checked(settings, model or settings.model), as_json=json)


def checks(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the latest.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Show the latest answers to that question, with their numbers."""
    rows = CheckRecords(Home(Settings().home).retrain_checks).latest(limit)
    if json:
        print_json(rows)
        return
    cells = [
        (row["ts"], row["model"], "retrain" if row["retrain"] else "leave it", "\n".join(row["reasons"]))
        for row in rows
    ]
    print_table("Retraining checks", ("when", "model", "answer", "reasons"), cells)


def drift(
    model: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    meaning: Annotated[bool, typer.Option(help="Compare the meaning by embeddings too.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Compare what users asked lately with what they asked when production was trained; the check reads the answer."""
    from mlops.asked_drift import drift_of, packaged_encoder  # noqa: PLC0415 - other verbs start faster without
    from mlops.translation.glossary import Glossary  # noqa: PLC0415 - as above
    from mlops.translation.language import LanguageDetector  # noqa: PLC0415 - as above

    settings = Settings()
    home, name = Home(settings.home), model or settings.model
    with registry_of(settings) as registry:
        production = registry.production(name)
    if production is None:
        raise NotFound(f"{name} has no version in production", hint="recipes models lists what is registered")
    detector = LanguageDetector(Glossary.shipped())
    with packaged_encoder() if meaning else nullcontext(None) as encode:
        reports = drift_of(
            home.feedback,
            production.created_at,
            now(),
            encode=encode,
            detect=lambda text: detector.detect(text).language,
        )
    write_reports(home.drift, production.version, reports, now())
    found = seen(reports)
    if json:
        print_json({"version": production.version, "lasting": list(found.lasting), "reports": reports})
        return
    for report in reports:
        answers.print(f"{report['current']['since']}: {report['verdict']}", markup=False)
    answers.print(f"lasting: {', '.join(found.lasting) or 'nothing'}; {found.told}", markup=False, soft_wrap=True)


def start(
    reason: Annotated[str, typer.Option(help="Reason, kept with the run.")] = "started by hand",
    when_due: Annotated[bool, typer.Option("--when-due", help="Only where `recipes retrain check` says so.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Retrain now, whatever the triggers say; one at a time. A version that comes of it has to pass like any other."""
    settings = Settings()
    if when_due:
        decision = _checked(settings, settings.model)
        if not decision.retrain:
            _print_decision(decision, as_json=json)
            return
    home = Home(settings.home)
    home.prepare()
    parent = home.production().version
    at = now()
    how, trigger = ("when-due", Trigger.SCHEDULED) if when_due else ("by-hand", Trigger.MANUAL)
    name = f"{settings.model}-retrain-{how}-{at:%Y%m%d%H%M%S}"
    with Database.open(home.state) as database:
        table = JobTable(database)
        with database.transaction():
            running = next((job.name for job in _runs(table) if not job.done), None)
            if running is not None:
                raise Conflict(f"retraining {running} is under way", hint="wait for it, or: recipes retrain cancel")
            spec = {"parent": parent, "reason": reason, "trigger": trigger.value}
            table.add(name, JobKind.RETRAINING, parent, spec, at)
        say(f"{name} on top of {parent} …")
        command = [sys.executable, "-m", "mlops.embedded.job_process", str(home.state), name]
        code = _run_to_its_end(command, lambda: end_process_of(home.jobs, name, sleep))
        job = table.get(name)
        if not job.done:
            table.finish(name, {"state": "Failed", "message": f"its process ended with code {code}"}, now())
            job = table.get(name)
    document = _document(job)
    if json:
        print_json(document)
    else:
        answers.print(
            f"{document['state']}: {document['version'] or document['message']}", markup=False, soft_wrap=True
        )
    if document["version"] is None:
        raise typer.Exit(1)


def jobs(
    json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
) -> None:
    """List the retrainings of this home, the latest first: what they came to, and why."""
    home = Home(Settings().home)
    documents: list[dict[str, Any]] = []
    if home.state.exists():
        with Database.open(home.state) as database:
            documents = [_document(job) for job in reversed(_runs(JobTable(database)))]
    if json:
        print_json(documents)
        return
    columns = ("name", "state", "trigger", "parent", "version", "started", "tries", "message")
    print_table("Retrainings", columns, [[row[column] for column in columns] for row in documents])


def cancel(name: Annotated[str | None, typer.Argument(help="The run; without it, the one under way.")] = None) -> None:
    """Give up a retraining: its process ends, and what it has found is not registered."""
    home = Home(Settings().home)
    if not home.state.exists():
        raise NotFound(NOTHING_RAN)
    with Database.open(home.state) as database:
        table = JobTable(database)
        under_way = [job.name for job in _runs(table) if not job.done]
        if name is None and not under_way:
            raise NotFound("no retraining is under way", hint="recipes retrain jobs lists them")
        chosen = name or under_way[0]
        if chosen not in {job.name for job in _runs(table)}:
            raise NotFound(f"there is no retraining {chosen}", hint="recipes retrain jobs lists them")
        if not table.finish(chosen, {"state": "Failed", "message": "cancelled"}, now()):
            raise Permanent(f"{chosen} has ended already", hint="recipes retrain jobs says how")
    end_process_of(home.jobs, chosen, sleep)
    answers.print(f"{chosen} is cancelled", markup=False)


def _checked(settings: Settings, model: str) -> RetrainDecision:
    home, view = Home(settings.home), RegistryView()
    view.connect(registry_of(settings))
    return HomeRetrainCheck(home, view, now).check(model)


def _print_decision(answer: RetrainDecision, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"model": answer.model, "retrain": answer.retrain, "reasons": list(answer.reasons), "job": answer.job}
        )
        return
    answers.print(f"{answer.model}: {'retrain' if answer.retrain else 'leave it'}", markup=False)
    for reason in answer.reasons:
        answers.print(f"  {reason}", markup=False, soft_wrap=True)


def _run_to_its_end(command: list[str], give_up: Callable[[], object]) -> int:
    """The code of a child that leads a group of its own, as every job does; Ctrl-C here ends it too."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as child:  # noqa: S603 - our own
        try:
            return child.wait()
        except BaseException:
            give_up()
            raise


def _runs(table: JobTable) -> list[Job]:
    return [job for job in table.all() if job.kind is JobKind.RETRAINING]


def _document(job: Job) -> dict[str, Any]:
    answer = dict(job.answer or {})
    candidate = answer.get("candidate") or {}
    return {
        "name": job.name,
        "state": answer.get("state", "Running"),
        "trigger": job.spec.get("trigger"),
        "reason": job.spec.get("reason"),
        "parent": job.spec.get("parent"),
        "version": candidate.get("version"),
        "started": job.started.isoformat(timespec="seconds"),
        "tries": job.tries,
        "message": answer.get("message", ""),
    }
