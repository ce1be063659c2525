"""The process of one job: reads what it is to do from the state, does it, writes the answer there, and ends.

The composition root of jobs: `python -m mlops.embedded.job_process STATE NAME`, started by `recipes up`.
"""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, from_dict
from controller.observation import JobState
from mlops.config import Settings
from mlops.embedded.database import Database
from mlops.embedded.job_processes import AlreadyRunning, only_process_of
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.recent_queries import RecentQueries
from mlops.embedded.retraining_job import retrain
from mlops.errors import MlopsError, Permanent
from mlops.judging import Judge
from mlops.monitoring.job_span import job_span
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.embedded.job_table import Job
    from mlops.monitoring.job_span import JobSpan

# Users come first: what waits for an evaluation can wait a little longer.
NICENESS = 10
LONGEST_MESSAGE = 300


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
                    table.finish(name, _answer(job, database), _now())
        except AlreadyRunning:
            return 0
    return 0


def _answer(job: Job, database: Database) -> Mapping[str, Any]:
    """What the job found, or why it found nothing; a fault is an answer too."""
    try:
        with job_span(str(job.kind), {"recipes.job": job.name}, parent=job.spec.get("trace")) as span:
            return {"state": JobState.SUCCEEDED, **_run(job, database, span)}
    except MlopsError as error:
        return {"state": JobState.FAILED, "message": f"{error.message}. {error.hint}".strip()}
    except Exception as error:  # noqa: BLE001 - whatever a model or a library raises; the trace is in the job's log
        traceback.print_exc()
        return {"state": JobState.FAILED, "message": f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]}


def _run(job: Job, database: Database, span: JobSpan) -> Mapping[str, Any]:
    settings = Settings()
    if job.kind is JobKind.RETRAINING:
        return retrain(job, settings, span, _now, sleep)
    asked, beside = from_dict(job.spec["ask"]), job.spec.get("baseline_folder")
    if not isinstance(asked, StartEvaluation | StartReplay):
        raise Permanent(f"{job.name} asks for nothing that can be judged")
    translator = open_translator(settings.translator, target=settings.translator_target)
    try:
        judge = Judge(asked, translator, RecentQueries(database, _now).latest, perf_counter)
        return judge.judge(Path(job.spec["folder"]), None if beside is None else Path(beside))
    finally:
        translator.close()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a composition root


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
