"""Things on their way to one thread, which takes all that wait at once.

Who puts one in waits for nothing: what finds no room is refused.
"""

from __future__ import annotations

import time
from collections import deque
from threading import Event, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Batches(Generic[T]):
    """Hands what was put in to `write`, in its order, at most `most` at a time; `write` must not raise.

    At most `waiting` wait. With `linger` the thread lets things gather for that many seconds before it takes them, so
    that a busy process does not wake it for each.
    """

    def __init__(
        self, write: Callable[[list[T]], None], name: str, *, waiting: int, most: int, linger: float = 0.0
    ) -> None:
        self._write = write
        self.limit = waiting
        self._most = most
        self._linger = linger
        self._waiting: deque[T] = deque()
        self._news = Event()
        self._closing = Event()
        self._writer = Thread(target=self._write_forever, name=name, daemon=True)
        self._writer.start()

    def put(self, item: T) -> bool:
        """Put `item` in; False where there is no room. Without a lock: every request comes through here."""
        if len(self._waiting) >= self.limit:
            return False
        self._waiting.append(item)
        if not self._news.is_set():
            self._news.set()
        return True

    def close(self) -> None:
        """Write what waits, and end."""
        self._closing.set()
        self._news.set()
        self._writer.join()

    def _write_forever(self) -> None:
        closing = False
        while not closing:
            self._news.wait()
            if self._linger:
                self._closing.wait(self._linger)
            closing = self._closing.is_set()
            # Before the taking: what comes in after it wakes this thread again.
            self._news.clear()
            while self._take():
                time.sleep(0)  # whoever waits for the interpreter gets it between two batches, and not 5 ms later

    def _take(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if batch:
            self._write(batch)
        return bool(batch)
