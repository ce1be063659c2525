"""What a model's Jobs have come to: verifications, judgements and retrainings, all from one look."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.cluster import jobs
from controller.cluster.kinds import JOB_NAME, JOBS, MODEL, PODS
from controller.cluster.retraining import drift_seen, run_fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.cluster.api import Object
    from controller.cluster.mirror import MirroredNamespace
    from controller.observation import ArtifactFact, JobFact, RetrainingJob
    from mlops.retraining import DriftSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """By version: what its artefact is, and what judged it, oldest first; beside them the runs of retraining."""

    artifacts: Mapping[str, ArtifactFact]
    jobs: Mapping[str, tuple[JobFact, ...]]
    runs: tuple[RetrainingJob, ...]


class JobReader:
    """Reads the Jobs of one model. What a finished one said does not change, so it is asked for once."""

    def __init__(self, api: MirroredNamespace, model: str) -> None:
        self._api = api
        self._model = model
        self._said: dict[str, str] = {}

    def read(self) -> Judged:
        """Look anew."""
        artifacts: dict[str, ArtifactFact] = {}
        judged: dict[str, list[JobFact]] = defaultdict(list)
        runs: list[RetrainingJob] = []
        found = self._api.list(JOBS, {MODEL: self._model})
        for job in sorted(found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])):
            if jobs.is_verification(job):
                artifacts[jobs.version_of(job)] = jobs.artifact_fact(job, self._message(job))
            elif jobs.is_judgement(job):
                judged[jobs.version_of(job)].append(jobs.job_fact(job, self._message(job)))
            elif jobs.is_retraining(job):
                runs.append(run_fact(job, self._message(job)))
        there = {job["metadata"]["uid"] for job in found}
        self._said = {uid: said for uid, said in self._said.items() if uid in there}
        return Judged(
            artifacts=artifacts, jobs={version: tuple(each) for version, each in judged.items()}, runs=tuple(runs)
        )

    def drift(self, version: str) -> DriftSeen | None:
        """What the latest comparison of the queries of `version` came to."""
        found = [job for job in self._api.list(JOBS, {MODEL: self._model}) if jobs.is_drift(job)]
        for job in sorted(found, key=lambda each: each["metadata"]["creationTimestamp"], reverse=True):
            if (seen := drift_seen(job, self._message(job), version)) is not None:
                return seen
        return None

    def _message(self, job: Object) -> str:
        """The last words of a job that ended: those of its latest pod that has any."""
        uid = job["metadata"]["uid"]
        if jobs.ending(job) is None:
            return ""
        if not self._said.get(uid):
            pods = self._api.list(PODS, {MODEL: self._model, JOB_NAME: job["metadata"]["name"]})
            ended = [
                (state["finishedAt"], state.get("message", ""))
                for pod in pods
                for status in pod.get("status", {}).get("containerStatuses", [])
                if (state := status.get("state", {}).get("terminated"))
            ]
            self._said[uid] = max(ended, default=("", ""))[1]
        return self._said[uid]
