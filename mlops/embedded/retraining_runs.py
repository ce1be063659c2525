"""Retraining on this machine: the schedule, and its runs as jobs; the decision whether to run is the core's."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from controller.actions import EnsureRetraining
from controller.observation import Candidate, JobState, RetrainingFacts, RetrainingJob, ScheduleFact
from controller.resource.codec import codec
from controller.resource.version import Trigger
from controller.schedule import next_run
from mlops.embedded.job_table import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

    from controller.actions import StartRetraining
    from mlops.embedded.alarms import Alarms
    from mlops.embedded.facts import Facts
    from mlops.embedded.job_processes import JobProcesses
    from mlops.embedded.job_table import Job, JobTable

ALARM = "retraining"

_log = structlog.stdlib.get_logger("retraining")


class RetrainingRuns:
    """Keeps the schedule, and starts what is due or asked for."""

    def __init__(
        self,
        facts: Facts,
        table: JobTable,
        processes: JobProcesses,
        alarms: Alarms,
        clock: Callable[[], datetime],
    ) -> None:
        self._facts = facts
        self._table = table
        self._processes = processes
        self._alarms = alarms
        self._clock = clock

    def facts(self, *, new_data: bool, degradation: Decimal | None) -> RetrainingFacts:
        """The schedule as it is kept, and every run."""
        schedule = self._schedule()
        applied = None
        if schedule is not None:
            applied = ScheduleFact(
                schedule=schedule.schedule,
                time_zone=schedule.time_zone,
                suspended=schedule.suspended,
                parent=schedule.parent,
            )
        runs = tuple(_run(job) for job in self._runs())
        return RetrainingFacts(applied=applied, jobs=runs, new_data=new_data, degradation=degradation)

    def ensure(self, action: EnsureRetraining) -> None:
        """Keep this schedule from now on."""
        self._facts.set_schedule(asdict(action))
        self.arm()

    def remove(self) -> None:
        """Keep no schedule."""
        self._facts.set_schedule(None)
        self._alarms.cancel(ALARM)

    def start(self, action: StartRetraining) -> None:
        """Start a run now, unless one of this name was started."""
        self._start(action.name, action.parent, action.reason, action.trigger)

    def arm(self) -> None:
        """Set the alarm for the next run of the schedule; also after a restart."""
        schedule = self._schedule()
        if schedule is None or schedule.suspended:
            self._alarms.cancel(ALARM)
            return
        due = next_run(schedule.schedule, schedule.time_zone, self._clock())
        if due is not None:
            self._alarms.at(ALARM, due, lambda: self._due(schedule, due))

    def _due(self, schedule: EnsureRetraining, due: datetime) -> None:
        name = f"{schedule.name}-{int(due.timestamp())}"
        running = next((job.name for job in self._runs() if not job.done), None)
        if running is not None:
            _log.info("retraining skipped", run=name, reason=f"one at a time: {running} is under way")
            self.arm()
            return
        self._start(name, schedule.parent, f"scheduled for {due.isoformat(timespec='minutes')}", Trigger.SCHEDULED)
        self.arm()

    def _start(self, name: str, parent: str, reason: str, trigger: Trigger) -> None:
        spec = {"parent": parent, "reason": reason, "trigger": trigger.value}
        if self._table.add(name, JobKind.RETRAINING, parent, spec, self._clock()):
            self._processes.start(name)

    def _runs(self) -> list[Job]:
        return [job for job in self._table.all() if job.kind is JobKind.RETRAINING]

    def _schedule(self) -> EnsureRetraining | None:
        kept = self._facts.schedule()
        return None if kept is None else EnsureRetraining(**kept)


def _run(job: Job) -> RetrainingJob:
    answer: dict[str, Any] = dict(job.answer or {})
    candidate = answer.get("candidate")
    return RetrainingJob(
        name=job.name,
        state=JobState(answer.get("state", JobState.RUNNING)),
        started=job.started,
        candidate=None if candidate is None else codec(Candidate).load(candidate),
        message=answer.get("message", ""),
    )
