"""What a shell of the cluster stands in, where a test does not say otherwise."""

from __future__ import annotations

from typing import Any

from controller.cluster.board import Board
from controller.cluster.settings import Settings
from controller.cluster.shell import Surroundings

SETTINGS = Settings(predictor_image="predictor:1", jobs_image="jobs:1", registry="http://mlflow:5000")


class Checks:
    """Somebody who found, or did not, that a model should be trained again."""

    def __init__(self) -> None:
        self.wanted = False

    def due(self, _model: str) -> bool:
        return self.wanted

    def begun(self, _model: str) -> None:
        self.wanted = False


def surroundings(**given: Any) -> Surroundings:
    defaults: dict[str, Any] = {
        "settings": SETTINGS, "prometheus": None, "digest_at": lambda _address: None, "checks": Checks(),
        "board": Board(), "entered": lambda _model, _stage, _reason: None, "trace": lambda _spans: None,
    }  # fmt: skip
    return Surroundings(**(defaults | given))
