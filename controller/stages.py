"""The five stages of a version's life, the moves between them that exist, and the five verdicts on evidence. Pure."""

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


class Verdict(StrEnum):
    """What evidence says of a gate. Only `Passed` promotes, only `Failed` rolls back; the others wait."""

    PASSED = "Passed"
    INCONCLUSIVE = "Inconclusive"
    NO_DATA = "NoData"
    ERROR = "Error"
    FAILED = "Failed"

    @property
    def settled(self) -> bool:
        """True where the evidence is enough to act on."""
        return self in (Verdict.PASSED, Verdict.FAILED)


def worst(verdicts: list[Verdict]) -> Verdict:
    """One verdict for several gates: a failure outweighs all, and anything unsettled outweighs a pass."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.PASSED)
