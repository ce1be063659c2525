"""How many may run or wait at a time: fewer for a moment after one was refused.

A queue that is full and stays full has everybody wait for all of it, and answers no more than a short one: what CoDel
calls a standing queue (Nichols and Jacobson 2012). That clients come again at once after an answer fills it, too; those
it shall hold. What tells the two apart is a refusal: then more came than all places.

The moment ends by itself and is not prolonged by refusals while it lasts. Else clients that ask again without waiting,
as many as the whole would hold, could be refused by the short one for ever.
"""

from __future__ import annotations

MOMENT = 1.0  # seconds: what a refusal tells its client to wait


class Places:
    """`whole` places, `short` of them for a moment after a refusal. Time is in seconds of any clock that only grows."""

    def __init__(self, whole: int, short: int) -> None:
        self._whole = whole
        self._short = short
        self._short_until = float("-inf")

    def limit(self, now: float) -> int:
        """As many may be taken."""
        return self._short if now < self._short_until else self._whole

    def refused(self, limit: int, now: float) -> None:
        """Somebody found `limit` places taken."""
        if limit >= self._whole:
            self._short_until = now + MOMENT
