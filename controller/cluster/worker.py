"""Takes keys from the queue and settles the model that each names; decides when to look again."""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

import structlog

from controller.cluster.shell import BY, ClusterShell, Gone
from controller.loop import settle
from controller.registry_watch import RegistryWatch
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.cluster.shell import Surroundings
    from controller.cluster.work_queue import WorkQueue
    from controller.loop import Rest
    from mlops.model_registry import ModelRegistry

# What failed is tried again after this, doubling up to the longest; also how long an unseen change may go unnoticed.
RETRY_SECONDS, LONGEST_SECONDS = 1.0, 30.0

_log = structlog.stdlib.get_logger("mlops")


class Workers:
    """Threads that keep every model where its resources want it. `registry` opens the registry, or raises Transient."""

    def __init__(self, around: Surroundings, queue: WorkQueue, registry: Callable[[], ModelRegistry]) -> None:
        self._around = around
        self._queue = queue
        self._registry = registry
        self._lock = Lock()
        self._shells: dict[str, tuple[ClusterShell, RegistryWatch]] = {}
        self._failures: dict[str, int] = {}
        self._threads = [
            Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(around.settings.workers)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the rounds under way, and begin no more."""
        self._queue.close()
        for thread in self._threads:
            thread.join()
        for _, watch in self._shells.values():
            watch.stop()

    def _work(self) -> None:
        while (model := self._queue.take()) is not None:
            try:
                self._queue.add_after(model, self._settled(model))
            except Gone as gone:
                self._forget(model)
                _log.info("nothing left of a model", model=model, reason=gone.message)
            finally:
                self._queue.done(model)

    def _settled(self, model: str) -> float:
        """Settle once and return the seconds until it is to be looked at again. Raises Gone where it is."""
        rest: Rest | None = None
        faults: tuple[MlopsError, ...]
        try:
            rest = settle(self._shell(model), self._around.clock)
            faults = rest.faults
        except Gone:
            raise
        except MlopsError as error:
            faults = (error,)
        except Exception as error:  # noqa: BLE001 - the thread is what takes users back; it must outlive any fault
            _log.exception("the round broke off", model=model)
            faults = (MlopsError(f"{type(error).__name__}: {error}"),)
        for fault in faults:
            _log.warning("a round failed; it is tried again", model=model, reason=fault.message, hint=fault.hint)
        failures = self._failures[model] = self._failures.get(model, 0) + 1 if faults else 0
        wait = min(LONGEST_SECONDS, RETRY_SECONDS * 2 ** min(failures - 1, 10)) if faults else LONGEST_SECONDS
        return min(wait, _until(rest.wake_at if rest else None, self._around.clock()))

    def _shell(self, model: str) -> ClusterShell:
        with self._lock:
            if model not in self._shells:
                watch = RegistryWatch(model, self._registry, lambda: self._queue.add(model), by=BY)
                watch.start()
                self._shells[model] = ClusterShell(model, self._around, watch), watch
            return self._shells[model][0]

    def _forget(self, model: str) -> None:
        with self._lock:
            _, watch = self._shells.pop(model)
            self._failures.pop(model, None)
        watch.stop()


def _until(moment: datetime | None, now: datetime) -> float:
    return LONGEST_SECONDS if moment is None else max(0.0, (moment - now).total_seconds())
