"""Keys to work on: each once however often it was put in, never two workers on one key, some only later.

What client-go's workqueue does for controllers in Go; Python's queues know neither keys nor delays.
"""

from __future__ import annotations

import heapq
from threading import Condition
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Ordered(Protocol):
    """What is due at the same moment is worked on in order."""

    def __hash__(self) -> int: ...
    def __lt__(self, other: Any, /) -> bool: ...


K = TypeVar("K", bound=Ordered)


class WorkQueue(Generic[K]):
    """Safe between threads. `timer` returns seconds that never go back."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._changed = Condition()
        self._ready: dict[K, None] = {}
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._later: list[tuple[float, K]] = []
        self._due: dict[K, float] = {}
        self._closed = False

    def add(self, key: K) -> None:
        """Work on it soon; once more afterwards where somebody is at it."""
        with self._changed:
            self._put(key)
            self._changed.notify()

    def add_after(self, key: K, seconds: float) -> None:
        """Work on it then, unless it is due sooner already."""
        due = self._timer() + max(0.0, seconds)
        with self._changed:
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                heapq.heappush(self._later, (due, key))
                self._changed.notify()

    def take(self) -> K | None:
        """Wait for a key that nobody works on; None once the queue is closed. Give it back by `done`."""
        with self._changed:
            while not self._closed:
                wait = self._bring_due()
                if self._ready:
                    key = next(iter(self._ready))
                    del self._ready[key]
                    self._working.add(key)
                    return key
                self._changed.wait(wait)
            return None

    def done(self, key: K) -> None:
        """Nobody works on it any more."""
        with self._changed:
            self._working.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._put(key)
                self._changed.notify()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """How many keys wait to be worked on now."""
        with self._changed:
            self._bring_due()
            return len(self._ready) + len(self._again)

    def _put(self, key: K) -> None:
        if key in self._working:
            self._again.add(key)
        else:
            self._ready[key] = None

    def _bring_due(self) -> float | None:
        """Make ready what is due; returns the seconds until the next is."""
        now = self._timer()
        while self._later:
            due, key = self._later[0]
            if self._due.get(key) != due:
                heapq.heappop(self._later)  # a sooner one took its place
            elif due <= now:
                heapq.heappop(self._later)
                del self._due[key]
                self._put(key)
            else:
                return due - now
        return None
