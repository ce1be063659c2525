"""Work beside the service that is done in a process of its own when files have grown, one at a time of each.

What it needs of memory, and what it dies of, is not the service's. What fails is tried again the next time.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = structlog.stdlib.get_logger("mlops")


class Chore:
    """Done for the files of `folder`. `command` gives the arguments, told whether it is the first since the start."""

    def __init__(
        self, name: str, folder: Path, command: Callable[[bool], Sequence[str]], log: Path, seconds: float = 60.0
    ) -> None:
        """`seconds` lie between two looks, at least."""
        self.name = name
        self.seconds = seconds
        self._folder = folder
        self._command = command
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self._taken: frozenset[tuple[str, int, int]] | None = None

    @property
    def running(self) -> bool:
        """Whether it is under way, or its end has not been looked at."""
        return self._child is not None

    def look(self) -> None:
        """Start it where something is new; note what the last one came to. Raises nothing that a file system says."""
        try:
            if not self._ended():
                return
            seen = frozenset(
                (str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self._folder.rglob("*.jsonl")
            )
            if not seen or seen == self._taken:
                return
            self._seen = seen
            with self._log.open("ab") as log:
                self._child = subprocess.Popen(  # noqa: S603 - our own command
                    list(self._command(self._taken is None)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        except OSError as error:
            _log.warning("chore cannot begin", chore=self.name, reason=error.strerror)

    def stop(self) -> None:
        """End it where it runs; it is done again after the next start."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()
        self._child = None

    def _ended(self) -> bool:
        if self._child is None:
            return True
        code = self._child.poll()
        if code is None:
            return False
        self._child = None
        if code == 0:
            self._taken = self._seen
        else:
            _log.warning("chore failed", chore=self.name, code=code, log=str(self._log))
        return True
