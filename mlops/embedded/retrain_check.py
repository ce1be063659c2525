"""The facts of this home for the question whether to train again; the decision itself is `mlops.retraining.check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.asked_drift_seen import seen
from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.embedded.check_records import CheckRecords
from mlops.embedded.database import Database
from mlops.embedded.drift_file import read_reports
from mlops.embedded.job_table import JobKind, JobTable
from mlops.errors import NotFound
from mlops.learning.online import clicks_at_3
from mlops.recipe import corpus_digest
from mlops.recorded_sessions import recorded_reading
from mlops.retraining import RetrainFacts, RetrainPolicy, check
from predictor.ports import RetrainDecision

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mlops.embedded.home import Home
    from mlops.embedded.job_table import Job
    from mlops.embedded.registry_view import RegistryView
    from mlops.learning.sessions import Reading
    from mlops.retraining import DriftSeen

SEED = 0


class HomeRetrainCheck:
    """Judges every trigger for a model of this home, and keeps each answer with its numbers."""

    def __init__(
        self, home: Home, registry: RegistryView, now: Callable[[], datetime], policy: RetrainPolicy | None = None
    ) -> None:
        self._home = home
        self._registry = registry
        self._now = now
        self._policy = policy or RetrainPolicy()
        self._read: tuple[tuple[tuple[str, int], ...], Reading] | None = None
        self._records = CheckRecords(home.retrain_checks)

    def check(self, model: str) -> RetrainDecision:
        """Gather and judge. Raises Transient while the registry is not there, NotFound without a production version."""
        now = self._now()
        decision = check(self._facts(model), self._policy, now)
        reasons = tuple(reason.told for reason in decision.reasons)
        answer = RetrainDecision(model=model, retrain=decision.retrain, reasons=reasons)
        self._records.keep(answer, tuple(reason.voice.value for reason in decision.reasons), now)
        return answer

    def _facts(self, model: str) -> RetrainFacts:
        production = self._registry.production(model)
        if production is None:
            raise NotFound(f"{model} has no version in production", hint="GET /models lists what is registered")
        since = [session for session in self._sessions().sessions if session.at >= production.created_at]
        chosen = [session for session in since if session.liked]
        runs = self._runs()
        return RetrainFacts(
            trained_at=production.created_at,
            trained_digest=production.metadata.get("data_digest"),
            data_digest=data_digest(self._home),
            queries=len({session.query.casefold() for session in chosen}),
            clicks=sum(len(session.liked) for session in chosen),
            online=clicks_at_3(since, self._policy.min_samples, SEED),
            drift=self._drift(production.version),
            running=next((run.name for run in runs if not run.done), None),
            last_attempt=max((run.started for run in runs if run.done), default=None),
        )

    def _drift(self, version: str) -> DriftSeen | None:
        """What the last comparison came to; it is made beside the service, by `recipes retrain drift`."""
        reports = read_reports(self._home.drift, version)
        return None if reports is None else seen(reports, self._policy.drift_persistence)

    def _sessions(self) -> Reading:
        """What was recorded; read anew only when a file has grown."""
        files = sorted(self._home.feedback.rglob("*.jsonl"))
        sizes = tuple((path.name, path.stat().st_size) for path in files)
        if self._read is None or self._read[0] != sizes:
            self._read = (sizes, recorded_reading(self._home.feedback))
        return self._read[1]

    def _runs(self) -> list[Job]:
        if not self._home.state.exists():
            return []
        with Database.open(self._home.state) as database:
            return [job for job in JobTable(database).all() if job.kind is JobKind.RETRAINING]


def data_digest(home: Home) -> str:
    """The digest of what a training would be given now."""
    if home.corpus.is_file():
        with CorpusStore.open(home.corpus) as store:
            if store.count():
                return store.digest()
    return corpus_digest(sample_recipes())
