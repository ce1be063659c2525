"""What was answered to whom: the half of a session that POST /feedback does not tell, kept beside the feedback.

Learning needs what was shown and passed over, not only what was clicked. Keeping it must cost an answer nothing
(`line_log.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.line_log import LineLog

if TYPE_CHECKING:
    from datetime import datetime

    from mlops.feedback_spool import DailySpool

NAME = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One answer: the query as it was typed, the recipe ids in their order, the first one's score if there is one.

    `user` is a hash or None.
    """

    recommendation_id: str
    at: datetime
    language: str
    query: str
    shown: tuple[str, ...]
    version: str
    user: str | None
    score: float | None = None

    def to_row(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "ts": self.at.isoformat(),
            "recommendation_id": self.recommendation_id,
            "version": self.version,
            "user": self.user,
            "lang": self.language,
            "query": self.query,
            "shown": list(self.shown),
            "score": self.score,
        }


class ShownLog:
    """The folder of daily files, open for appending by this process only."""

    def __init__(self, spool: DailySpool, *, waiting: int = 10_000) -> None:
        self._lines = LineLog(spool, "what was shown", waiting=waiting, form=Shown.to_row)

    @property
    def lost(self) -> int:
        """Answers that could not be kept."""
        return self._lines.lost

    def keep(self, shown: Shown) -> None:
        """Queue one answer; never waits and never raises."""
        self._lines.keep(shown)

    def close(self) -> None:
        """Write what is queued and release the folder."""
        self._lines.close()
