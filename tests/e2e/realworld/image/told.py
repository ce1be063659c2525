"""How a version is to behave, as the stage tells it: `tests/e2e/realworld/stage.py`."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.request import urlopen

STAGE = "http://stage:8080"
_SECONDS = 5.0


def told(model: str, version: str) -> dict[str, Any]:
    """The fields of a Behaviour. Raises OSError where the stage does not answer."""
    with urlopen(f"{STAGE}/{model}/{version}", timeout=_SECONDS) as answer:  # noqa: S310 - http, and our own
        if answer.status != HTTPStatus.OK:
            raise OSError(f"the stage answers {answer.status}")
        found: dict[str, Any] = json.load(answer)
        return found
