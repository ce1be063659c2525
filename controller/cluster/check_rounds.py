"""Asks from time to time, of each model that wants to know, what `POST /retrain/check` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from controller.cluster.key import Key
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.cluster.api import Object

_log = structlog.stdlib.get_logger("retraining")


class CheckRounds:
    """A round of checks over the Models that there are; `check` judges one and notes what it found."""

    def __init__(self, models: Callable[[], Iterable[Object]], check: Callable[[Key], object]) -> None:
        self._models = models
        self._check = check

    def once(self) -> None:
        """Check each model whose triggers ask for new data. Raises nothing: what fails is asked the next time."""
        for model in self._models():
            triggers = model.get("spec", {}).get("retraining", {}).get("triggers", {})
            if not triggers.get("newData"):
                continue
            key = Key(model["metadata"]["namespace"], model["metadata"]["name"])
            try:
                self._check(key)
            except MlopsError as error:
                _log.info(
                    "retrain check without an answer", namespace=key.namespace, model=key.model, reason=error.message
                )
