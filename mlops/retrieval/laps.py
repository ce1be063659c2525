"""How long the steps of answering took."""

from __future__ import annotations

from time import perf_counter


class Laps:
    """Milliseconds from one lap to the next, by name; of what is done for several questions the share of each."""

    def __init__(self, questions: int = 1) -> None:
        self.milliseconds: dict[str, float] = {}
        self._questions = questions
        self._last = perf_counter()

    def lap(self, name: str, **within: float) -> None:
        """End a lap, but for the seconds that steps `within` it took, which are laps of their own."""
        now = perf_counter()
        for step, seconds in {**within, name: now - self._last - sum(within.values())}.items():
            self.milliseconds[step] = seconds * 1000 / self._questions
        self._last = now
