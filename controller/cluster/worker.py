"""Takes keys from the queue and settles the model that each names; decides when to look again."""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from controller import clock
from controller.cluster.shell import ClusterShell, Gone
from controller.loop import settle
from controller.round_line import Outcome, tell_round
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.cluster.instruments import Instruments
    from controller.cluster.key import Key
    from controller.cluster.mirror import MirroredNamespace
    from controller.cluster.registry_rounds import RegistryRounds
    from controller.cluster.shell import Surroundings
    from controller.cluster.work_queue import WorkQueue
    from controller.loop import Rest
    from mlops.canonical_lines import CanonicalLines

# What failed is tried again after this, doubling up to the longest.
RETRY_SECONDS, LONGEST_SECONDS = 1.0, 30.0
# A pod that is available and does not say yet what it serves is asked again; no event will come of it.
ASK_AGAIN_SECONDS = 2.0
# Everything is watched, so this only mends what nobody thought of.
RESYNC_SECONDS = 600.0

_log = structlog.stdlib.get_logger("mlops")


class Workers:
    """Threads that keep every model where its resources want it, and write a line of each round.

    `within` returns what a namespace holds, `timer` seconds that never go back.
    """

    def __init__(
        self,
        within: Callable[[str], MirroredNamespace],
        around: Surroundings,
        queue: WorkQueue[Key],
        registry: RegistryRounds,
        instruments: Instruments,
        timer: Callable[[], float],
        lines: CanonicalLines,
    ) -> None:
        self._within = within
        self._around = around
        self._queue = queue
        self._registry = registry
        self._instruments = instruments
        self._timer = timer
        self._lines = lines
        self._lock = Lock()
        self._shells: dict[Key, ClusterShell] = {}
        self._failures: dict[Key, int] = {}
        self._threads = [
            Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(around.settings.workers)
        ]

    def start(self) -> None:
        """Begin."""
        self._registry.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the rounds under way, and begin no more."""
        self._queue.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._registry.stop()

    def _work(self) -> None:
        while (key := self._queue.take()) is not None:
            try:
                with bound_contextvars(namespace=key.namespace):  # of every line that is logged meanwhile
                    self.work(key)
            finally:
                self._queue.done(key)

    def work(self, key: Key) -> None:
        """Settle a model once, and have it looked at again in time. Raises nothing."""
        began, model, rest = self._timer(), key.model, None
        try:
            again, outcome, rest = self._settled(key)
            self._queue.add_after(key, again)
        except Gone as gone:
            outcome = Outcome.GONE
            self._forget(key)
            _log.info("nothing left of a model", model=model, reason=gone.message)
        taken = self._timer() - began
        self._instruments.reconciled(outcome, taken)
        tell_round(self._lines, model, outcome, rest, at=self._around.clock(), ms=taken * 1000, namespace=key.namespace)

    def _settled(self, key: Key) -> tuple[float, Outcome, Rest | None]:
        """Settle once; returns also the seconds until it is to be looked at again. Raises Gone where it is."""
        rest: Rest | None = None
        faults: tuple[MlopsError, ...]
        shell, outcome, model = self._shell(key), Outcome.FAILED, key.model
        try:
            rest = settle(shell, self._around.clock)
            faults = rest.faults
        except Gone:
            raise
        except MlopsError as error:
            faults = (error,)
        except Exception as error:  # noqa: BLE001 - the thread is what takes users back; it must outlive any fault
            _log.exception("the round broke off", model=model)
            outcome, faults = Outcome.BROKEN, (MlopsError(f"{type(error).__name__}: {error}"),)
        finally:
            unanswered = shell.rest()
        for fault in faults:
            _log.warning("a round failed; it is tried again", model=model, reason=fault.message, hint=fault.hint)
        failures = self._failures[key] = self._failures.get(key, 0) + 1 if faults else 0
        if faults:
            wait = clock.back_off(RETRY_SECONDS, LONGEST_SECONDS, failures)
        else:
            wait, outcome = ASK_AGAIN_SECONDS if unanswered else RESYNC_SECONDS, Outcome.SETTLED
        return min(wait, _until(rest.wake_at if rest else None, self._around.clock())), outcome, rest

    def _shell(self, key: Key) -> ClusterShell:
        with self._lock:
            if key not in self._shells:
                watch = self._registry.of(self._around.settings.called(key), lambda: self._queue.add(key))
                self._shells[key] = ClusterShell(key.model, self._within(key.namespace), self._around, watch)
            return self._shells[key]

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._shells.pop(key, None)
            self._failures.pop(key, None)
        self._registry.forget(self._around.settings.called(key))
        self._around.board.forget(key)


def _until(moment: datetime | None, now: datetime) -> float:
    return RESYNC_SECONDS if moment is None else max(0.0, (moment - now).total_seconds())
