"""The process of one job: reads what it is to do from the state, does it, writes the answer there, and ends.

The composition root of jobs: `python -m mlops.embedded.job_process STATE NAME`, started by `recipes up`.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, from_dict
from controller.observation import JobState
from mlops.config import Settings
from mlops.embedded.database import Database
from mlops.embedded.home import Home
from mlops.embedded.job_processes import AlreadyRunning, only_process_of
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.recent_queries import RecentQueries
from mlops.embedded.retraining_job import retrain
from mlops.errors import MlopsError, Permanent
from mlops.evaluation_run import log_evaluation
from mlops.judging import Judge
from mlops.model_registry import open_registry
from mlops.monitoring.job_span import job_span
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.embedded.job_table import Job

# Users come first: what waits for an evaluation can wait a little longer.
NICENESS = 10
LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was asked, who judged it, what was found, and the candidate's artefact."""

    asked: StartEvaluation | StartReplay
    judge: Judge
    found: Mapping[str, Any]
    folder: Path


def main(arguments: list[str]) -> int:
    """Run the job named on the command line; 0 also where another process has it or it is done already."""
    state, name = Path(arguments[0]), arguments[1]
    os.nice(NICENESS)
    with Database.open(state) as database:
        table = JobTable(database)
        try:
            with only_process_of(state.parent / "jobs", name):
                job = table.begin(name)
                if not job.done:
                    answer, judged = _answer(job, database)
                    table.finish(name, answer, _now())
                    if judged is not None:
                        _log(judged)
        except AlreadyRunning:
            return 0
    return 0


def _answer(job: Job, database: Database) -> tuple[Mapping[str, Any], _Judged | None]:
    """What the job found, or why it found nothing, which is an answer too; and what was judged on the way."""
    try:
        with job_span(str(job.kind), {"recipes.job": job.name}, parent=job.spec.get("trace")) as span:
            if job.kind is JobKind.RETRAINING:
                return {"state": JobState.SUCCEEDED, **retrain(job, Settings(), span, _now, sleep)}, None
            judged = _judged(job, database)
            return {"state": JobState.SUCCEEDED, **judged.found}, judged
    except MlopsError as error:
        return {"state": JobState.FAILED, "message": f"{error.message}. {error.hint}".strip()}, None
    except Exception as error:  # noqa: BLE001 - whatever a model or a library raises; the trace is in the job's log
        traceback.print_exc()
        return {"state": JobState.FAILED, "message": f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]}, None


def _judged(job: Job, database: Database) -> _Judged:
    settings = Settings()
    asked, folder, beside = from_dict(job.spec["ask"]), Path(job.spec["folder"]), job.spec.get("baseline_folder")
    if not isinstance(asked, StartEvaluation | StartReplay):
        raise Permanent(f"{job.name} asks for nothing that can be judged")
    translator = open_translator(settings.translator, target=settings.translator_target)
    try:
        judge = Judge(asked, translator, RecentQueries(database, _now).latest, perf_counter)
        return _Judged(asked, judge, judge.judge(folder, None if beside is None else Path(beside)), folder)
    finally:
        translator.close()


def _log(judged: _Judged) -> None:
    """Log the run, pictures and all. The answer is given by now and does not hang on it: what fails is told here."""
    settings = Settings()
    home = Home(settings.home)
    try:
        with (
            TemporaryDirectory() as scratch,
            open_registry(home.running_registry() or settings.registry_uri, _now) as registry,
        ):
            log_evaluation(
                registry, judged.asked, judged.found, judged.judge,
                model=settings.model, artifact=judged.folder, scratch=Path(scratch),
            )  # fmt: skip
    except MlopsError as error:
        sys.stderr.write(f"not logged in MLflow: {error.message}. {error.hint}\n")


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a composition root


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
