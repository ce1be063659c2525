"""The registry's values as everybody outside sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlops.registry.stages import Stage

# The aliases, as MLflow's own examples name them: `models:/recipes@champion` loads what is in production.
CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who moves a version, and why; kept in its history."""

    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One step of a version; `source` is None for its registration, `key` is unique and orders a version's events."""

    key: str
    at: datetime
    by: str
    why: str
    source: Stage | None
    target: Stage

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; also the form in which MLflow holds it."""
        return {
            "at": self.at.isoformat(),
            "by": self.by,
            "why": self.why,
            "from": None if self.source is None else str(self.source),
            "to": str(self.target),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """One version of a model as the registry holds it.

    `number` is MLflow's own, `source` the URI of the artefact, `reason` why the version is in its stage, and `metrics`
    bear our names (`ndcg@10`), not MLflow's.
    """

    model: str
    version: str
    stage: Stage
    reason: str
    number: int
    digest: str
    source: str
    run_id: str
    metadata: Mapping[str, Any]
    metrics: Mapping[str, float]
    created_at: datetime
    aliases: tuple[str, ...]

    def passes(self, *, model: str | None, stage: str | None, version: str | None) -> bool:
        """Whether it is of this model, in this stage whatever its case, and begins with this version; None: any."""
        return (
            (model is None or self.model == model)
            and (stage is None or self.stage.lower() == stage.lower())
            and (version is None or self.version.startswith(version))
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, for `--json` and `GET /models`."""
        return {
            "model": self.model,
            "version": self.version,
            "stage": str(self.stage),
            "reason": self.reason,
            "number": self.number,
            "digest": self.digest,
            "source": self.source,
            "run_id": self.run_id,
            "metadata": dict(self.metadata),
            "metrics": dict(self.metrics),
            "created_at": self.created_at.isoformat(),
            "aliases": list(self.aliases),
        }
