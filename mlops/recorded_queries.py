"""The queries that users asked lately, as servers kept them beside what they showed.

They are what a pod asks in a replay, and the windows in which drift is looked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast, get_args

import orjson

from mlops.drift.windows import collect
from mlops.recommendation import Ask, Language
from mlops.recorded_sessions import recorded_answers

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.drift.windows import Window

RETENTION = timedelta(days=7)
_LANGUAGES = get_args(Language)
# What is compared of two windows; who asked and which version answered are no drift.
_COMPARED = ("ts", "query", "lang", "shown", "score")


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


def recorded_windows(folder: Path, now: datetime, recent: timedelta) -> tuple[Window, Window]:
    """The queries of the last `recent`, and before them those of the RETENTION that ends there, to compare them with.

    The earlier window comes first. Beside the words and the language stand how many recipes were shown and the score
    of the first: a test of what the model predicts.
    """
    since = now - recent
    before: list[bytes] = []
    after: list[bytes] = []
    for row in recorded_answers(folder):
        at = _time(row.get("ts"))
        if at is not None and since - RETENTION < at <= now:
            kept = {name: row[name] for name in _COMPARED if row.get(name) is not None}
            (after if at > since else before).append(orjson.dumps(kept))
    return collect(before, name=f"{folder}, before"), collect(after, name=f"{folder}, lately")


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
