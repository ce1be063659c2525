"""The facts of this home for the question whether to train again; the decision itself is `mlops.retraining.check`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.errors import NotFound
from mlops.recipe import corpus_digest
from mlops.retraining import RetrainFacts, RetrainPolicy, Voice, check
from predictor.ports import RetrainDecision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops.embedded.home import Home
    from mlops.embedded.registry_view import RegistryView


class HomeRetrainCheck:
    """Judges every trigger for a model of this home. Starting a retraining is not part of it yet."""

    def __init__(
        self, home: Home, registry: RegistryView, now: Callable[[], datetime], policy: RetrainPolicy | None = None
    ) -> None:
        self._home = home
        self._registry = registry
        self._now = now
        self._policy = policy or RetrainPolicy()

    def check(self, model: str) -> RetrainDecision:
        """Gather and judge. Raises Transient while the registry is not there, NotFound without a production version."""
        decision = check(self._facts(model), self._policy, self._now())
        reasons = tuple(
            f"{reason.check}: {reason.text}{'' if reason.voice is Voice.SILENT else f' ({reason.voice})'}"
            for reason in decision.reasons
        )
        return RetrainDecision(model=model, retrain=decision.retrain, reasons=reasons)

    def _facts(self, model: str) -> RetrainFacts:
        production = self._registry.production(model)
        if production is None:
            raise NotFound(f"{model} has no version in production", hint="GET /models lists what is registered")
        since = [row for row in self._feedback() if datetime.fromisoformat(row["ts"]) >= production.created_at]
        return RetrainFacts(
            trained_at=production.created_at,
            trained_digest=production.metadata.get("data_digest"),
            data_digest=self._data_digest(),
            # Feedback names the recommendation it is about; each recommendation was one query.
            queries=len({row["recommendation_id"] for row in since if row["clicked"] or row["cooked"]}),
            clicks=sum(len(row["clicked"]) for row in since),
        )

    def _feedback(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self._home.feedback.glob("feedback_*.jsonl")):
            for line in path.read_bytes().splitlines():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue  # the line that is being written at this moment

    def _data_digest(self) -> str:
        """The digest of what a training would be given now."""
        if self._home.corpus.is_file():
            with CorpusStore.open(self._home.corpus) as store:
                if store.count():
                    return store.digest()
        return corpus_digest(sample_recipes())
