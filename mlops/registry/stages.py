"""The life of a version as a table: which stage may follow which. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mlops.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(StrEnum):
    """Where a version stands; the value is what users read and write."""

    TRAINING = "Training"
    VALIDATION = "Validation"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


LEGAL: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.TRAINING: (Stage.VALIDATION, Stage.ARCHIVED),
    Stage.VALIDATION: (Stage.STAGING, Stage.ARCHIVED),
    Stage.STAGING: (Stage.PRODUCTION, Stage.ARCHIVED),
    Stage.PRODUCTION: (Stage.ARCHIVED,),
    Stage.ARCHIVED: (),
}

# What a rollback or a pin may do besides; asked for by name, so that no candidate comes back by accident.
LEGAL_WHEN_RESTORING: Mapping[Stage, tuple[Stage, ...]] = {Stage.ARCHIVED: (Stage.PRODUCTION,)}


def check_transition(current: Stage, target: Stage, *, restore: bool = False) -> None:
    """Raise Conflict, naming the legal stages, unless a version in `current` may move to `target`."""
    legal = LEGAL[current]
    restored = LEGAL_WHEN_RESTORING.get(current, ())
    if target in legal or (restore and target in restored):
        return
    options = ", ".join(legal) or "none"
    if restored:
        options += f"; as a rollback or pin (restore): {', '.join(restored)}"
    raise Conflict(
        f"{current} -> {target} is not a legal transition; legal from {current}: {options}",
        hint="move one stage at a time" if legal else "ask for a rollback (restore), or register a new version",
    )
