"""Runs the loop around the decision core in one thread: woken by events, by the file's other writers, and by alarms."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from controller import clock
from controller.loop import Rest, settle
from controller.round_line import Outcome, tell_round
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.loop import Shell
    from mlops.canonical_lines import CanonicalLines
    from mlops.embedded.alarms import Alarms

# How soon a change by another verb is noticed; asking costs some microseconds.
LOOK_SECONDS = 0.25
# What failed is tried again after this, doubling up to the longest; also how long an unseen change may go unnoticed.
RETRY = timedelta(seconds=1)
LONGEST = timedelta(seconds=30)

_WAKE, _LOOK = "wake", "look"
_log = structlog.stdlib.get_logger("mlops")


class Keeper:
    """Settles whenever something may have changed, and writes a line of each round.

    `changes` is a number that other writers of the store move.
    """

    def __init__(
        self,
        model: str,
        shell: Shell,
        alarms: Alarms,
        clock: Callable[[], datetime],
        changes: Callable[[], int],
        lines: CanonicalLines,
    ) -> None:
        self._model = model
        self._shell = shell
        self._lines = lines
        self._alarms = alarms
        self._clock = clock
        self._changes = changes
        self._seen: int | None = None
        self._due: datetime | None = None
        self._event = Event()
        self._stopping = False
        self._failures = 0
        self._thread = Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Settle now, and from then on whenever something happens."""
        self._alarms.every(_LOOK, LOOK_SECONDS, self._look)
        self._event.set()
        self._thread.start()

    def poke(self) -> None:
        """Something happened; safe from any thread, and costs nothing when nobody listens yet."""
        self._event.set()

    def stop(self) -> None:
        """Finish the round that is under way, and settle no more."""
        self._stopping = True
        self._event.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        try:
            found = self._changes()
        except MlopsError as error:
            _log.warning("cannot look at the state", reason=error.message)
            return
        # The alarm is exact, but set by the clock of its moment: one that was changed since shows here.
        overdue = self._due is not None and self._clock() >= self._due
        if found != self._seen or overdue:
            self._seen, self._due = found, None
            self._event.set()

    def _run(self) -> None:
        while True:
            self._event.wait()
            self._event.clear()
            if self._stopping:
                return
            self._rest(self._settled())

    def _settled(self) -> Rest:
        began, outcome = self._clock(), Outcome.SETTLED
        try:
            rest = settle(self._shell, self._clock)
        except MlopsError as error:
            rest = Rest(wake_at=None, faults=(error,))
        except Exception as error:  # noqa: BLE001 - the thread is what takes users back; it must outlive any fault
            _log.exception("the round broke off")
            rest, outcome = Rest(wake_at=None, faults=(MlopsError(f"{type(error).__name__}: {error}"),)), Outcome.BROKEN
        for fault in rest.faults:
            _log.warning("an act failed; it is tried again", reason=fault.message, hint=fault.hint)
        if rest.faults and outcome is Outcome.SETTLED:
            outcome = Outcome.FAILED
        ended = self._clock()
        ms = (ended - began) / timedelta(milliseconds=1)
        tell_round(self._lines, self._model, outcome, rest, at=ended, ms=ms)
        return rest

    def _rest(self, rest: Rest) -> None:
        """Set the alarm for the next look: as decided, sooner where something failed, and never later than LONGEST."""
        self._failures = self._failures + 1 if rest.faults else 0
        patience = clock.back_off(RETRY, LONGEST, self._failures) if rest.faults else LONGEST
        latest = self._clock() + patience
        self._due = min(rest.wake_at or latest, latest)
        self._alarms.at(_WAKE, self._due, self.poke)
