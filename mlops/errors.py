"""Faults, as opposed to outcomes: every error the product raises on purpose is one of these two kinds.

An outcome ("the gate failed") is a value with a reason and never an exception. Errors carry no HTTP codes and no exit
codes: those are given at the edges, in `predictor/problems.py` and `mlops/cli/`.
"""

from __future__ import annotations

# What to do about an artefact whose files are damaged or do not fit together.
TRAIN_AGAIN = "train the version again, or fetch its artefact anew"


class MlopsError(Exception):
    """What went wrong, and as `hint` what the reader can do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Transient(MlopsError):  # noqa: N818 - reads as the kind of fault it is: `raise Transient(...)`
    """May go away by itself: the same call is worth repeating later."""


class Permanent(MlopsError):  # noqa: N818 - as above
    """Will not go away by itself: somebody has to change something."""


class NotFound(Permanent):
    """The named thing does not exist."""


class Conflict(Permanent):
    """The request is well formed but the present state forbids it."""


class Invalid(Permanent):
    """The input breaks a rule; the message names the field and the rule."""
