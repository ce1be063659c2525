"""Recent real queries, kept for the replay: what was asked, never by whom."""

from __future__ import annotations

import json
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlops.recommendation import Ask, Filters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mlops.embedded.database import Database

KEPT = 2_000
RETENTION = timedelta(days=7)


class RecentQueries:
    """The latest KEPT queries of the last RETENTION. `heard` costs a request nothing; `flush` writes them down."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._heard: deque[Ask] = deque(maxlen=KEPT)

    def heard(self, asks: Sequence[Ask]) -> None:
        """Note what was just asked; safe from any thread."""
        self._heard.extend(asks)

    def flush(self) -> None:
        """Write down what was heard since the last time; what is too old or too much goes."""
        now = self._clock()
        rows = []
        while self._heard:
            rows.append((now.isoformat(), json.dumps(_row(self._heard.popleft()))))
        with self._database.transaction() as connection:
            connection.executemany("INSERT INTO queries (at, body) VALUES (?,?)", rows)
            connection.execute("DELETE FROM queries WHERE at < ?", ((now - RETENTION).isoformat(),))
            connection.execute("DELETE FROM queries WHERE number <= (SELECT MAX(number) FROM queries) - ?", (KEPT,))

    def latest(self, count: int) -> tuple[Ask, ...]:
        """The latest different queries, newest first, at most so many."""
        rows = self._database.read("SELECT body FROM queries GROUP BY body ORDER BY MAX(number) DESC LIMIT ?", count)
        return tuple(_ask(json.loads(row["body"])) for row in rows)


def _row(ask: Ask) -> dict[str, Any]:
    return {"text": ask.text, "k": ask.k, "language": ask.language} | ask.filters.to_row()


def _ask(row: dict[str, Any]) -> Ask:
    return Ask(text=row["text"], k=row["k"], language=row["language"], filters=Filters.from_row(row))
