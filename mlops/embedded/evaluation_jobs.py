"""Evaluations and replays as jobs: what their processes are told, and what the decision core is told of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, to_dict
from controller.observation import JobFact, JobState
from controller.resource.codec import codec
from mlops.embedded.job_table import JobKind
from mlops.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from mlops.embedded.facts import Facts
    from mlops.embedded.job_processes import JobProcesses
    from mlops.embedded.job_table import Job, JobTable

LATEST = 4  # an attempt has two; of earlier ones nobody asks any more
_KINDS = {StartEvaluation: JobKind.EVALUATION, StartReplay: JobKind.REPLAY}


class EvaluationJobs:
    """Starts and ends the jobs that judge a version."""

    def __init__(self, table: JobTable, processes: JobProcesses, facts: Facts, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._processes = processes
        self._facts = facts
        self._clock = clock

    def start(self, action: StartEvaluation | StartReplay, trace: str) -> None:
        """Put the job down, with the folders of both artefacts, and start its process; once per name.

        `trace` is the traceparent of the rollout that the job is for.

        Raises Transient where the artefact of one of them was not verified.
        """
        spec: dict[str, Any] = {"ask": to_dict(action), "folder": self._folder(action.version), "trace": trace}
        if action.baseline is not None:
            spec["baseline_folder"] = self._folder(action.baseline)
        if self._table.add(action.name, _KINDS[type(action)], action.version, spec, self._clock()):
            self._processes.start(action.name)

    def cancel(self, name: str) -> None:
        """End a job."""
        self._processes.cancel(name)

    def by_version(self) -> Mapping[str, Sequence[Job]]:
        """The latest evaluations and replays, by the version that they judge."""
        found: dict[str, list[Job]] = defaultdict(list)
        for job in self._table.all():
            if job.kind in _KINDS.values():
                found[job.version].append(job)
        return {version: jobs[-LATEST:] for version, jobs in found.items()}

    def _folder(self, version: str) -> str:
        located = self._facts.located().get(version)
        if located is None or located.folder is None:
            raise Transient(f"the artefact of {version} is not verified")
        return str(located.folder)


def job_fact(job: Job) -> JobFact:
    """What the decision core is told of a job."""
    answer = {"state": JobState.RUNNING, **(job.answer or {})}
    return codec(JobFact).load(
        {
            **answer,
            "name": job.name,
            "started": job.started.isoformat(),
            "baseline": job.spec["ask"]["baseline"],
        }
    )
