"""Asks from time to time, of each model that wants to know, what `POST /retrain/check` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from controller.cluster.kinds import MODELS
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.cluster.mirror import Mirror

_log = structlog.stdlib.get_logger("retraining")


class CheckRounds:
    """A round of checks; `check` judges a model and notes what it found."""

    def __init__(self, mirror: Mirror, check: Callable[[str], object]) -> None:
        self._mirror = mirror
        self._check = check

    def once(self) -> None:
        """Check each model whose triggers ask for new data. Raises nothing: what fails is asked the next time."""
        for model in self._mirror.list(MODELS):
            triggers = model.get("spec", {}).get("retraining", {}).get("triggers", {})
            if not triggers.get("newData"):
                continue
            name = model["metadata"]["name"]
            try:
                self._check(name)
            except MlopsError as error:
                _log.info("retrain check without an answer", model=name, reason=error.message)
