"""Time as the core sees it: an argument, and one that may jump. Pure.

A clock that was set back leaves stamps in the future; they are brought to the present, so that a wait is never longer
than once its full length and never negative. A clock that was set forward ends pauses early, but a step still needs its
checks, which are made one interval apart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from controller.resource.model_status import ModelStatus
    from controller.resource.version_status import Bake, Canary, Checks, VersionStatus


Length = TypeVar("Length", int, float, timedelta)


def later(at: datetime, seconds: int) -> datetime:
    """The instant `seconds` after `at`."""
    return at + timedelta(seconds=seconds)


def back_off(first: Length, longest: Length, failures: int) -> Length:
    """How long until another try after so many failures in a row, at least one: doubling, up to the longest."""
    doublings: int = 2 ** min(failures - 1, 30)
    return min(longest, first * doublings)


def elapsed(since: datetime, now: datetime) -> int:
    """Whole seconds from `since` to `now`; none where `since` lies ahead."""
    return max(0, int((now - since).total_seconds()))


def rewound(status: VersionStatus, now: datetime) -> VersionStatus:
    """The status with every running clock that lies ahead brought to the present; records stay as they are."""
    if not _ahead(status, now):
        return status
    return replace(
        status,
        since=min(status.since, now),
        canary=_canary(status.canary, now),
        bake=_bake(status.bake, now),
        retries=replace(status.retries, since=min(status.retries.since, now), next_at=now) if status.retries else None,
    )


def rewound_model(status: ModelStatus, now: datetime) -> ModelStatus:
    """The same for the clock of a restoration and of retraining."""
    restoring, retraining = status.restoring, status.retraining
    if restoring is not None and restoring.since > now:
        status = replace(status, restoring=replace(restoring, since=now))
    if retraining.last_started is not None and retraining.last_started > now:
        status = replace(status, retraining=replace(retraining, last_started=now))
    return status


def _ahead(status: VersionStatus, now: datetime) -> bool:
    """Whether the latest of the clocks that only ever look back is ahead: then somebody set the clock back."""
    stamps = [status.since, status.retries.since if status.retries else None]
    if status.canary is not None:
        stamps += [status.canary.applied_at, status.canary.waiting_since, *_of(status.canary.checks)]
    if status.bake is not None:
        stamps += [status.bake.started_at, *_of(status.bake.checks)]
    return any(stamp is not None and stamp > now for stamp in stamps)


def _of(checks: Checks) -> tuple[datetime | None, ...]:
    return checks.last_at, checks.asked_at, checks.unsettled_since


def _canary(canary: Canary | None, now: datetime) -> Canary | None:
    if canary is None:
        return None
    return replace(
        canary,
        applied_at=_at_most(canary.applied_at, now),
        waiting_since=_at_most(canary.waiting_since, now),
        checks=_checks(canary.checks, now),
    )


def _bake(bake: Bake | None, now: datetime) -> Bake | None:
    if bake is None:
        return None
    return replace(bake, started_at=min(bake.started_at, now), checks=_checks(bake.checks, now))


def _checks(checks: Checks, now: datetime) -> Checks:
    return replace(
        checks,
        last_at=_at_most(checks.last_at, now),
        asked_at=_at_most(checks.asked_at, now),
        unsettled_since=_at_most(checks.unsettled_since, now),
    )


def _at_most(stamp: datetime | None, now: datetime) -> datetime | None:
    return None if stamp is None else min(stamp, now)
