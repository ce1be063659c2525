"""Compares the mirror with the API from time to time, so that a watch that died without a word is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.cluster.key import Key
    from controller.cluster.mirror import Mirror

_log = structlog.stdlib.get_logger("mlops")


class Refresher:
    """Refreshes the mirror; `news` is told of each model about which a watch had been silent."""

    def __init__(self, mirror: Mirror, news: Callable[[Key], None]) -> None:
        self._mirror = mirror
        self._news = news

    def once(self) -> None:
        """Compare everything once. Raises nothing: what fails is compared the next time."""
        for kind in self._mirror.kinds:
            try:
                for model in self._mirror.refresh(kind):
                    self._news(model)
            except MlopsError as error:
                _log.warning("cannot compare with the API", kind=kind.kind, reason=error.message, next=error.hint)
