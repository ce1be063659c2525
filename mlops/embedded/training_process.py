"""A training in a process of its own: `recipes train`, whose memory goes with it.

A training in the serving process would leave it 200 MB larger for as long as it serves. Progress is the child's own
standard error; its answer is the JSON on standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from mlops.errors import Permanent
from mlops.monitoring.job_span import TRACEPARENT

if TYPE_CHECKING:
    from pathlib import Path


class TrainingProcess:
    """Runs one training at a time; `stop` ends it early. `trace` is the traceparent of who has it trained."""

    def __init__(self, trace: str | None = None) -> None:
        self._environment = os.environ | ({} if trace is None else {TRACEPARENT: trace})
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def train(self, model: str, version: str, out: Path) -> str | None:
        """Train `model` `version` into the new folder `out`; returns the training's traceparent, if it was traced.

        Raises Permanent with what the child said when it failed.
        """
        command = [sys.executable, "-m", "mlops.cli.main", "train", "--json"]
        self._child = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--out", str(out), "--model", model, "--version", version],
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        if self._stopped:
            self._child.terminate()
        printed, _ = self._child.communicate()
        code, document = self._child.returncode, _document(printed)
        if code != 0:
            message = document.get("error", f"the training ended with code {code}")
            raise Permanent(message, hint=document.get("hint", "its messages are above"))
        return document.get("trace")

    def stop(self) -> None:
        """End a training that is under way, and let none begin."""
        self._stopped = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()


def _document(printed: bytes) -> dict[str, Any]:
    """A killed child prints nothing."""
    try:
        document: dict[str, Any] = json.loads(printed)
    except ValueError:
        return {}
    return document
