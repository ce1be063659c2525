"""The queries that users asked lately, as servers kept them beside what they showed: what a pod asks in a replay."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast, get_args

from mlops.recommendation import Ask, Language
from mlops.recorded_sessions import recorded_answers

if TYPE_CHECKING:
    from pathlib import Path

RETENTION = timedelta(days=7)
_LANGUAGES = get_args(Language)


def recorded_queries(folder: Path, count: int, now: datetime) -> tuple[Ask, ...]:
    """The latest different queries of the last RETENTION, newest first, at most so many.

    Only words and language are kept of a query; filters that were given beside the words are not asked again.
    """
    latest: dict[Ask, datetime] = {}
    for row in recorded_answers(folder):
        query, at = row.get("query"), _time(row.get("ts"))
        if (
            isinstance(query, str)
            and query
            and row.get("lang") in _LANGUAGES
            and at is not None
            and at > now - RETENTION
        ):
            ask = Ask(text=query, language=cast("Language", row["lang"]))
            latest[ask] = max(at, latest.get(ask, at))
    return tuple(sorted(latest, key=lambda ask: latest[ask], reverse=True)[:count])


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
