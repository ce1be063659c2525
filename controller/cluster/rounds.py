"""Something done again and again in a thread of its own."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Rounds:
    """Does `once`, which must not raise, every `seconds`; the first time after the first wait."""

    def __init__(self, once: Callable[[], None], name: str, *, seconds: float) -> None:
        self._once = once
        self._seconds = seconds
        self._stopping = Event()
        self._thread = Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more."""
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.wait(self._seconds):
            self._once()
