"""How far a long step has come, for a log: a line at each quarter of each phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Quarters:
    """A `Progress` that says a line when another quarter is done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, int] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Note `done` of `total`; a total of 0 is not known."""
        quarter = 4 * done // total if total else 0
        if self._said.get(phase, -1) < quarter:
            self._said[phase] = quarter
            self._say(f"{phase}: {done} of {total or 'unknown'}")
