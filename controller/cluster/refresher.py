"""Compares the mirror with the API from time to time, so that a watch that died without a word is noticed."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.cluster.mirror import Mirror

_log = structlog.stdlib.get_logger("mlops")


class Refresher:
    """Refreshes in a thread; `news` is told of each model about which a watch had been silent."""

    def __init__(self, mirror: Mirror, news: Callable[[str], None], *, seconds: float) -> None:
        self._mirror = mirror
        self._news = news
        self._seconds = seconds
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="refresher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more."""
        self._stopping.set()

    def once(self) -> None:
        """Compare everything once. Raises nothing: what fails is compared the next time."""
        for kind in self._mirror.kinds:
            try:
                for model in self._mirror.refresh(kind):
                    self._news(model)
            except MlopsError as error:
                _log.warning("cannot compare with the API", kind=kind.kind, reason=error.message, next=error.hint)

    def _work(self) -> None:
        while not self._stopping.wait(self._seconds):
            self.once()
