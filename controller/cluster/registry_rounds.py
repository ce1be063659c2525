"""Asks the registry of every model in turn: often while something is under way, seldom when all is at rest.

Models are known here by what they are called in the registry.
"""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

import structlog

from controller import clock
from controller.cluster.work_queue import WorkQueue
from controller.registry_watch import POLL_SECONDS, RegistryWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.model_registry import ModelRegistry

# An alias that somebody moves by hand is noticed so late at most; 300 models then cost a call a second.
IDLE_SECONDS = 300.0
# One registry that hangs takes one; it must not take the only one.
_THREADS = 2

_log = structlog.stdlib.get_logger("mlops")


class RegistryRounds:
    """Keeps a `RegistryWatch` per model. `timer` returns seconds."""

    def __init__(
        self,
        registry: Callable[[], ModelRegistry],
        timer: Callable[[], float],
        *,
        by: str,
    ) -> None:
        self._registry = registry
        self._by = by
        self._queue: WorkQueue[str] = WorkQueue(timer)
        self._lock = Lock()
        self._watches: dict[str, RegistryWatch] = {}
        self._misses: dict[str, int] = {}
        self._threads = [
            Thread(target=self._work, name=f"registry-{number}", daemon=True) for number in range(_THREADS)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no more; a call under way is not waited for."""
        self._queue.close()

    def of(self, model: str, changed: Callable[[], None]) -> RegistryWatch:
        """Return the watch of a model, asked from now on; `changed` is called when its fact changed."""
        with self._lock:
            if model not in self._watches:
                self._watches[model] = RegistryWatch(
                    model, self._registry, changed, by=self._by, hurry=lambda: self._hurry(model)
                )
                self._queue.add(model)
            return self._watches[model]

    def forget(self, model: str) -> None:
        """Ask no more."""
        with self._lock:
            self._watches.pop(model, None)
            self._misses.pop(model, None)

    def step(self, model: str) -> float | None:
        """Ask once; returns the seconds until it is worth asking again, None where nobody wants to know any more."""
        with self._lock:
            watch = self._watches.get(model)
        if watch is None:
            return None
        watch.step()
        with self._lock:
            if watch.settled:
                self._misses.pop(model, None)
                return IDLE_SECONDS
            misses = self._misses[model] = self._misses.get(model, 0) + 1
        return clock.back_off(POLL_SECONDS, IDLE_SECONDS, misses)

    def _hurry(self, model: str) -> None:
        with self._lock:
            self._misses.pop(model, None)
        self._queue.add(model)

    def _work(self) -> None:
        while (model := self._queue.take()) is not None:
            try:
                again = self.step(model)
            except Exception:  # noqa: BLE001 - the thread serves all models; it must outlive any fault
                _log.exception("asking the registry broke off", model=model)
                again = IDLE_SECONDS
            finally:
                self._queue.done(model)
            if again is not None:
                self._queue.add_after(model, again)
