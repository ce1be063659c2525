"""Conditions in the shape of `metav1.Condition`: observations with a reason, never a state machine."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from controller.resource.reasons import Reason

LONGEST_MESSAGE = 240  # keeps a status with its whole history below 32 KB


class Truth(StrEnum):
    """Unknown is a value too: nobody has looked yet."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Kind(StrEnum):
    """Types of conditions. Ready, Reconciling and Stalled are read by `kubectl wait`, Helm and Flux (kstatus)."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ARTIFACT_VERIFIED = "ArtifactVerified"
    EVALUATED = "Evaluated"
    APPROVED = "Approved"
    SERVING = "Serving"
    PROGRESSING = "Progressing"
    PROMOTED = "Promoted"
    RETRAINING_SCHEDULED = "RetrainingScheduled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One observation. `last_transition_time` moves only when `status` does."""

    type: Kind
    status: Truth
    reason: Reason
    message: str = ""
    observed_generation: int = 1
    last_transition_time: datetime


def merged(before: tuple[Condition, ...], after: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """`after`, where a condition whose status did not change keeps the time of its last transition."""
    known = {condition.type: condition for condition in before}
    return tuple(_keeping_time(known.get(condition.type), condition) for condition in after)


def find(conditions: tuple[Condition, ...], kind: Kind) -> Condition | None:
    """The condition of a type."""
    return next((condition for condition in conditions if condition.type is kind), None)


def bounded(message: str) -> str:
    """A message cut to the length that conditions and history keep."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def _keeping_time(before: Condition | None, after: Condition) -> Condition:
    if before is None or before.status is not after.status:
        return after
    return replace(after, last_transition_time=before.last_transition_time)
