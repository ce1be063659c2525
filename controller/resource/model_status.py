"""What is known of a model: who is in production, who is on the way there, who was there before, and what happened."""

from dataclasses import dataclass
from datetime import datetime

from controller.resource.conditions import Condition
from controller.resource.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The percentage of users that a version answers, as read back from the router."""

    version: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A version that was in production before is on its way back: by a rollback, a deletion or a pin."""

    to: str
    instead_of: str | None
    reason: Reason
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistrust:
    """A version was rolled back: what descends from it needs a person's approval."""

    version: str
    reason: Reason
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of production. `version` is None where production was left empty."""

    at: datetime
    version: str | None
    instead_of: str | None
    reason: Reason
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingStatus:
    """Runs of retraining that were noticed, so that none is counted or turned into a version twice."""

    runs: int = 0
    last_started: datetime | None = None
    next_run: datetime | None = None
    handled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """The status of a Model: the slots, which decide wherever a version's own status says otherwise."""

    observed_generation: int = 0
    production: str | None = None
    canary: str | None = None
    previous: str | None = None
    restoring: Restoration | None = None
    traffic: tuple[Share, ...] = ()
    queue: tuple[str, ...] = ()
    holds: tuple[Mistrust, ...] = ()
    retraining: RetrainingStatus = RetrainingStatus()
    reason: Reason = Reason.NO_PRODUCTION
    message: str = ""
    changes: int = 0
    history: tuple[Change, ...] = ()
    conditions: tuple[Condition, ...] = ()
