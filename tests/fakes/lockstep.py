"""Runs several writers as threads of which one moves at a time, in an order that the test gives: races, repeatable."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE = 10.0


class Lockstep:
    """Each writer calls `pause` where another may come in between; `run` decides who goes on."""

    def __init__(self, writers: Iterable[Callable[[], None]]) -> None:
        self._turns = [threading.Semaphore(0) for _ in writers]
        self._paused = threading.Semaphore(0)
        self._here = threading.local()
        self._finished: set[int] = set()
        self._threads = [
            threading.Thread(target=self._write, args=(number, writer), daemon=True)
            for number, writer in enumerate(writers)
        ]

    def pause(self, _verb: str = "") -> None:
        number = getattr(self._here, "number", None)
        if number is not None:  # the test itself, looking in between, does not wait
            self._paused.release()
            assert self._turns[number].acquire(timeout=PATIENCE)

    def run(self, order: Iterable[int]) -> None:
        """Let the writers move in `order`, then whoever is left, to the end."""
        for thread in self._threads:
            thread.start()
            assert self._paused.acquire(timeout=PATIENCE)
        waiting = list(range(len(self._threads)))
        choices = iter(order)
        while waiting:
            number = waiting[next(choices, 0) % len(waiting)]
            self._turns[number].release()
            assert self._paused.acquire(timeout=PATIENCE)
            if number in self._finished:
                waiting.remove(number)

    def _write(self, number: int, writer: Callable[[], None]) -> None:
        self._here.number = number
        self.pause()
        try:
            writer()
        finally:
            self._finished.add(number)
            self._paused.release()
