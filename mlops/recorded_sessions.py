"""What was shown and what users made of it, joined into sessions: the form that `recipes retrain` reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Invalid
from mlops.learning.sessions import collect
from mlops.shown_log import NAME as SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops.learning.sessions import Reading


@dataclass(slots=True)
class _Outcome:
    """All that was reported on one recommendation."""

    user: str | None = None
    clicked: dict[str, None] = field(default_factory=dict)
    cooked: dict[str, None] = field(default_factory=dict)
    ratings: dict[str, int] = field(default_factory=dict)


def recorded_sessions(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a session for each answer kept in `folder`, in the order of days; those that nobody reported on too.

    Several servers may keep theirs each in a folder below it: feedback need not come to the one that answered.
    Feedback on an answer that was not kept is left out: without what was shown it teaches nothing. A feedback that was
    kept twice counts once. A line that is being written at this moment is left for the next time.
    """
    outcomes = _outcomes(folder)
    for row in recorded_answers(folder):
        outcome = outcomes.get(row.get("recommendation_id", ""), _Outcome())
        yield {
            "ts": row.get("ts"),
            "session": row.get("recommendation_id"),
            "user": row.get("user") or outcome.user,
            "lang": row.get("lang"),
            "query": row.get("query"),
            "version": row.get("version"),
            "shown": row.get("shown"),
            "clicked": list(outcome.clicked),
            "cooked": list(outcome.cooked),
            "ratings": outcome.ratings,
        }


def recorded_reading(folder: Path) -> Reading:
    """Return every session that was recorded; none where what a folder holds is not to be read."""
    rows = (orjson.dumps(row) for row in recorded_sessions(folder))
    try:
        return collect(rows, name=str(folder))
    except Invalid:
        return collect((), name=str(folder))


def recorded_answers(folder: Path, since: str = "") -> Iterator[dict[str, Any]]:
    """Yield what was shown, a row an answer, as it stands in the spool of `folder`, from a day (`YYYYMMDD`) on."""
    return _rows(folder, f"{SHOWN}/{SHOWN}_*.jsonl", since)


def recorded_feedback(folder: Path, since: str = "") -> Iterator[dict[str, Any]]:
    """Yield what users reported, as it stands in the spool of `folder`, from a day on."""
    return _rows(folder, "feedback_*.jsonl", since)


def _outcomes(folder: Path) -> dict[str, _Outcome]:
    outcomes: dict[str, _Outcome] = {}
    for row in recorded_feedback(folder):
        outcome = outcomes.setdefault(str(row.get("recommendation_id")), _Outcome())
        outcome.user = row.get("user") or outcome.user
        outcome.clicked |= dict.fromkeys(row.get("clicked", ()))
        outcome.cooked |= dict.fromkeys(row.get("cooked", ()))
        outcome.ratings |= row.get("ratings", {})
    return outcomes


def _rows(folder: Path, pattern: str, since: str) -> Iterator[dict[str, Any]]:
    every = (*folder.glob(pattern), *folder.glob(f"*/{pattern}"))
    found = [path for path in every if path.stem.rpartition("_")[2] >= since]
    for path in sorted(found, key=lambda each: (each.name, each)):
        with path.open("rb") as stream:
            for line in stream:
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if isinstance(row, dict):
                    yield row
