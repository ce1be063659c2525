"""Every answer to "is it time to train again?" with its numbers: why a retraining came, or why none ever did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Transient

if TYPE_CHECKING:
    from pathlib import Path

    from predictor.ports import RetrainDecision

# The life cycle asks every few seconds: an answer like the one before is kept once an hour.
AT_LEAST_EVERY = timedelta(hours=1)
LARGEST = 1 << 20


class CheckRecords:
    """A file of JSON lines, the latest last; half of it goes when it has grown to a megabyte."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, decision: RetrainDecision, voices: tuple[str, ...], at: datetime) -> None:
        """Append the answer of `at`, unless it says what the last one said less than an hour ago."""
        said = {"model": decision.model, "retrain": decision.retrain, "voices": list(voices)}
        if any(
            said.items() <= last.items() and at - datetime.fromisoformat(last["ts"]) < AT_LEAST_EVERY
            for last in self.latest(1)
        ):
            return
        row = {"ts": at.isoformat(), **said, "reasons": list(decision.reasons)}
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        try:
            self._make_room()
            with self._path.open("ab") as stream:
                stream.write(line)
        except OSError as error:
            raise Transient(f"{self._path} cannot be written: {error.strerror}", hint="free disk space") from error

    def latest(self, number: int) -> list[dict[str, Any]]:
        """The latest answers, newest first."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        rows = []
        for line in reversed(lines):
            try:
                rows.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
            if len(rows) == number:
                break
        return rows

    def _make_room(self) -> None:
        if self._path.exists() and self._path.stat().st_size > LARGEST:
            lines = self._path.read_bytes().splitlines(keepends=True)
            fresh = self._path.with_name(f".{self._path.name}.new")
            fresh.write_bytes(b"".join(lines[len(lines) // 2 :]))
            fresh.replace(self._path)
