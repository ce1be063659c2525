"""Whether to train again, in a cluster: the facts are gathered here, the judgement is `mlops.retraining.check`.

A check that says yes is kept until it is used: the decision core reads it as new data, and starts a run where the
Model's triggers ask for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from mlops.errors import MlopsError, NotFound
from mlops.retraining import RetrainFacts, RetrainPolicy, check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controller.observation import RetrainingJob
    from mlops.registry.values import RegisteredVersion
    from mlops.retraining import DriftSeen


_log = structlog.stdlib.get_logger("retraining")


class _Registry(Protocol):
    def production(self, model: str) -> RegisteredVersion | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The answer; `reasons` state the arithmetic of each trigger."""

    model: str
    retrain: bool
    reasons: tuple[str, ...]
    job: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the same as on a laptop."""
        return {"model": self.model, "retrain": self.retrain, "reasons": list(self.reasons), "job": self.job}


class RetrainChecks:
    """Gathers, judges, and has the finding kept until it is used.

    `runs` lists a model's retrainings; `feedbacks` counts what users sent since a moment, None if nobody knows; `note`
    keeps whether one is due; `drift` is what the latest comparison of a version's queries came to. Each answer is
    logged with its numbers.
    """

    def __init__(
        self,
        registry: _Registry,
        runs: Callable[[str], Sequence[RetrainingJob]],
        feedbacks: Callable[[str, datetime], int | None],
        note: Callable[[str, bool], None],
        clock: Callable[[], datetime],
        policy: RetrainPolicy | None = None,
        drift: Callable[[str, str], DriftSeen | None] = lambda _model, _version: None,
    ) -> None:
        self._registry = registry
        self._runs = runs
        self._feedbacks = feedbacks
        self._note = note
        self._drift = drift
        self._clock = clock
        self._policy = policy or RetrainPolicy()

    def check(self, model: str) -> Checked:
        """Judge every trigger. Raises NotFound without a version in production, Transient where one does not answer."""
        production = self._registry.production(model)
        if production is None:
            raise NotFound(f"{model} has no version in production", hint="GET /models lists what is registered")
        runs = self._runs(model)
        running = next((run.name for run in runs if not run.ended), None)
        facts = RetrainFacts(
            trained_at=production.created_at,
            trained_digest=production.metadata.get("data_digest"),
            data_digest=None,
            queries=None,
            clicks=self._counted(model, production.created_at),
            drift=self._drift(model, production.version),
            running=running,
            last_attempt=max((run.started for run in runs if run.ended), default=None),
        )
        decision = check(facts, self._policy, self._clock())
        self._note(model, decision.retrain)
        reasons = tuple(reason.told for reason in decision.reasons)
        _log.info("retrain check", model=model, retrain=decision.retrain, reasons=reasons)
        return Checked(model=model, retrain=decision.retrain, reasons=reasons, job=running)

    def _counted(self, model: str, since: datetime) -> int | None:
        try:
            return self._feedbacks(model, since)
        except MlopsError:
            return None  # the check says that it is not known
