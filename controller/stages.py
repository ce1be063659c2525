"""The five stages of a version's life, and the moves between them that exist. Pure."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where a version is; the detail lives in conditions and reasons. The registry uses the same names."""

    TRAINING = "Training"
    VALIDATION = "Validation"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


# Staging goes back to Validation when another version became production meanwhile: the comparison no longer holds.
# Archived returns to Production only by a rollback or a pin.
MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.TRAINING: frozenset({Stage.VALIDATION, Stage.ARCHIVED}),
    Stage.VALIDATION: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.VALIDATION, Stage.ARCHIVED}),
    Stage.PRODUCTION: frozenset({Stage.ARCHIVED}),
    Stage.ARCHIVED: frozenset({Stage.PRODUCTION}),
}

CANDIDATE_STAGES = frozenset({Stage.TRAINING, Stage.VALIDATION, Stage.STAGING})
