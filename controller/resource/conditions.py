"""Conditions in the shape of `metav1.Condition`: observations with a reason, never a state machine."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.resource.reasons import Reason

LONGEST_MESSAGE = 240  # bytes: keeps a status with its whole history below 32 KB


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


Finding = tuple[Truth, Reason, str]


def stamped(
    before: tuple[Condition, ...], findings: dict[Kind, Finding], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions that findings amount to; one whose status did not change keeps the time of its last transition."""
    known = {condition.type: condition for condition in before}
    return tuple(_stamped(known.get(kind), kind, finding, generation, now) for kind, finding in findings.items())


def find(conditions: tuple[Condition, ...], kind: Kind) -> Condition | None:
    """The condition of a type."""
    return next((condition for condition in conditions if condition.type is kind), None)


def bounded(message: str) -> str:
    """A message cut to the length that conditions and history keep."""
    raw = message.encode(errors="replace")
    if len(raw) <= LONGEST_MESSAGE:
        return message
    return raw[: LONGEST_MESSAGE - len("…".encode())].decode(errors="ignore") + "…"


def _stamped(before: Condition | None, kind: Kind, finding: Finding, generation: int, now: datetime) -> Condition:
    truth, reason, message = finding
    return Condition(
        type=kind,
        status=truth,
        reason=reason,
        message=bounded(message),
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and before.status is truth else now,
    )
