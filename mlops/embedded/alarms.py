"""When to look again: APScheduler's clock and timers. The only importer of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable


class Alarms:
    """Calls short functions at an instant, or every so many seconds; one alarm per name.

    `clock` is the clock that instants are meant by. Nothing here is stored: after a restart alarms are set anew from
    what was decided. An instant that has passed, or that was slept through, rings at once.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        # Of each call it says at INFO that it begins and that it ended: of eight lines a second nobody finds another.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to ring."""
        self._scheduler.start()

    def stop(self) -> None:
        """Ring no more, and wait for what is being called; nothing to do before `start`."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def every(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        """Call `action` every so many seconds."""
        self._scheduler.add_job(action, "interval", seconds=seconds, id=name, replace_existing=True)

    def at(self, name: str, instant: datetime, action: Callable[[], object]) -> None:
        """Call `action` once, at an instant."""
        wait = max(timedelta(), instant - self._clock())
        due = datetime.now(UTC) + wait  # noqa: TID251 - the scheduler's own clock, which need not be ours
        self._scheduler.add_job(action, "date", run_date=due, id=name, replace_existing=True)

    def cancel(self, name: str) -> None:
        """Take an alarm back, if it has not rung yet."""
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            return
