"""The one line that says all of a round over a model: what came of it, what was done, and how long it took."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from mlops.canonical_lines import DEBUG, INFO, WARNING

if TYPE_CHECKING:
    from datetime import datetime

    from controller.loop import Rest
    from mlops.canonical_lines import CanonicalLines


class Outcome(StrEnum):
    """How a round ended. `failed`: something is tried again; `broken`: a fault of ours; `gone`: nothing is left."""

    SETTLED = "settled"
    FAILED = "failed"
    BROKEN = "broken"
    GONE = "gone"


def tell_round(
    lines: CanonicalLines,
    model: str,
    outcome: Outcome,
    rest: Rest | None,
    *,
    at: datetime,
    ms: float,
    namespace: str | None = None,
) -> None:
    """Write the line of a round that ended at `at` and took `ms`; `rest` is None where it came to none.

    A round that only looked is told of at DEBUG: every event makes one. Each fault has a line of its own.
    """
    line: dict[str, object] = {"model": model, "outcome": outcome.value, "ms": round(ms, 3)}
    if namespace is not None:
        line["namespace"] = namespace
    if rest is not None:
        line["looks"], line["faults"], line["wake_at"] = rest.rounds, len(rest.faults), rest.wake_at
        line["acts"] = dict(Counter(type(action).__name__ for action in rest.acts))
    lines.write(_level(outcome, rest), "round", at.timestamp(), lambda: line)


def _level(outcome: Outcome, rest: Rest | None) -> int:
    match outcome:
        case Outcome.FAILED | Outcome.BROKEN:
            return WARNING
        case Outcome.GONE:
            return INFO
        case Outcome.SETTLED:
            return DEBUG if rest is None or rest.rounds <= 1 else INFO
