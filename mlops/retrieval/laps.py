"""How long the steps of answering took."""

from __future__ import annotations

from time import perf_counter


class Laps:
    """Milliseconds from one lap to the next, by name; of what is done for several questions the share of each."""

    def __init__(self, questions: int = 1) -> None:
        self.milliseconds: dict[str, float] = {}
        self._questions = questions
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        """End a lap."""
        self.split(**{name: None})

    def split(self, **steps: float | None) -> None:
        """End a lap of several steps, of which the seconds are known but for one, None, that took the rest."""
        now = perf_counter()
        rest = now - self._last - sum(seconds for seconds in steps.values() if seconds is not None)
        for name, seconds in steps.items():
            self.milliseconds[name] = (rest if seconds is None else seconds) * 1000 / self._questions
        self._last = now
