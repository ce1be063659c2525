"""The record of decisions, and deciding it again: the same core must reach the same end. Pure.

A shell keeps a record for each decision that changed anything. A record that is decided differently now was made by
another version of the core, or by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from controller.decide import Decision, decide
from controller.observation import Observation
from controller.resource.codec import codec, digest
from controller.resource.model_status import ModelStatus
from controller.resource.version_status import VersionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decision: when, what was observed, and what was decided, as JSON types."""

    at: datetime
    observation: Observation
    decision: dict[str, Any]

    @classmethod
    def of(cls, at: datetime, observation: Observation, decision: Decision) -> Self:
        """The record of a decision that was just made."""
        return cls(at=at, observation=observation, decision=decision.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """JSON types, for a file or a table."""
        return {"at": self.at.isoformat(), "observation": self.observation.to_dict(), "decision": self.decision}

    def left(self, version: str) -> tuple[ModelVersion, Model]:
        """A version and its Model as this decision left them. Raises KeyError where it was not about that version."""
        seen = {each.spec.version: each for each in self.observation.versions}[version]
        status = codec(VersionStatus).load(self.decision["statuses"][version])
        model = replace(self.observation.model, status=codec(ModelStatus).load(self.decision["model"]))
        return replace(seen, status=status), model

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read back what `to_dict` wrote. Raises KeyError, ValueError or pydantic.ValidationError for anything else."""
        return cls(
            at=datetime.fromisoformat(data["at"]),
            observation=Observation.from_dict(data["observation"]),
            decision=data["decision"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A record that is decided otherwise now: where they part, before and after."""

    at: datetime
    part: str
    recorded: Any
    decided: Any

    def __str__(self) -> str:
        return f"{self.at.isoformat(timespec='seconds')} {self.part}: recorded {self.recorded}, now {self.decided}"


def replay(records: Iterable[Record]) -> tuple[Difference, ...]:
    """Decide every record again; empty where all of it comes out the same."""
    return tuple(difference for record in records for difference in _differences(record))


def _differences(record: Record) -> list[Difference]:
    decided = decide(record.observation, record.at).to_dict()
    parts = sorted({*decided, *record.decision})
    return [
        Difference(at=record.at, part=part, recorded=record.decision.get(part), decided=decided.get(part))
        for part in parts
        if digest(decided.get(part)) != digest(record.decision.get(part))
    ]
