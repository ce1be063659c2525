"""`python -m predictor.openapi_snapshot > docs/openapi.json` writes the document that a test holds the API to."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
from prometheus_client import CollectorRegistry

from predictor.openapi import document
from predictor.ports import Ports
from predictor.service import assemble
from predictor.settings import Settings
from predictor.slot import Slot
from predictor.surroundings import Surroundings


def snapshot() -> bytes:
    """Return the document of a service with nothing wired to it, as indented JSON."""
    surroundings = Surroundings(
        clock=lambda: 0.0, timer=lambda: 0.0, new_id=lambda: "", user_salt=b"", registry=CollectorRegistry()
    )
    service = assemble(Settings(artifact=Path()), Slot(), Ports(), surroundings)
    return orjson.dumps(document(service.api), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(snapshot())
