"""What a shell of the cluster stands in, where a test does not say otherwise."""

from __future__ import annotations

from typing import Any

from controller.cluster.board import Board
from controller.cluster.settings import Settings
from controller.cluster.shell import Surroundings

SETTINGS = Settings(predictor_image="predictor:1", jobs_image="jobs:1", registry="http://mlflow:5000")
# With a volume, where queries are kept that a replay asks again.
KEEPING = SETTINGS.model_copy(update={"feedback_claim": "feedback"})


def surroundings(**given: Any) -> Surroundings:
    defaults: dict[str, Any] = {
        "settings": KEEPING, "prometheus": None, "digest_at": lambda _address: None,
        "board": Board(), "entered": lambda _model, _stage, _reason: None, "trace": lambda _spans: None,
    }  # fmt: skip
    return Surroundings(**(defaults | given))
