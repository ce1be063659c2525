"""What people are told of a round: each move between stages, each hold, each change of production, once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.actions import Notify
from controller.resource.reasons import FAILURES

if TYPE_CHECKING:
    from controller.resource.version_status import VersionStatus
    from controller.situation import Situation


def announce(situation: Situation) -> Situation:
    """Notify of everything that is new against the statuses as they were stored; names are the same if it is redone."""
    for number, status in situation.statuses.items():
        stored = situation.versions[number].status
        if stored is status:
            continue
        name = situation.versions[number].name
        situation = situation.acting(*_moves(number, name, stored, status), *_hold(number, name, stored, status))
    return situation


def _moves(number: str, name: str, stored: VersionStatus | None, status: VersionStatus) -> list[Notify]:
    new = status.transitions - (stored.transitions if stored else 0)
    first = status.transitions - new
    moves = status.history[-new:] if new > 0 else ()
    return [
        Notify(
            name=f"{name}-{first + index}",
            version=number,
            reason=move.reason,
            message=f"{move.origin} -> {move.target}: {move.message}",
            warning=move.reason in FAILURES,
        )
        for index, move in enumerate(moves)
    ]


def _hold(number: str, name: str, stored: VersionStatus | None, status: VersionStatus) -> list[Notify]:
    held, before = status.held, stored.held if stored else None
    if held is None or (before is not None and before.reason is held.reason):
        return []
    told = f"{name}-{status.transitions}-held-{held.reason.lower()}"
    remedy = held.reason.remedy
    message = f"{held.message}. {remedy}" if remedy else held.message
    return [Notify(name=told, version=number, reason=held.reason, message=message, warning=True)]
