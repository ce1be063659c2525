"""A folder of daily JSON-lines files that one process appends to, whole lines or nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Conflict
from mlops.spool_locks import OWNER, WRITING, held, take

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# Of each file read back at the start: some 100,000 feedbacks.
_TAIL_BYTES = 32 << 20


class DailySpool:
    """Appends to today's file, `NAME_YYYYMMDD.jsonl` (UTC).

    `clock` returns Unix seconds. With `fsync` an appended line survives a loss of power, without a killed process.
    Files older than `keep_days` go when a new day's is begun; None keeps all.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float],
        *,
        name: str = "feedback",
        fsync: bool = True,
        keep_days: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._clock = clock
        self._name = name
        self._fsync = fsync
        self._keep_days = keep_days
        self._day = ""
        self._file: int | None = None
        guard = take(folder, OWNER)
        if guard is None:
            raise Conflict(
                f"another process writes to {folder}", hint="stop it, or give each process a folder of its own"
            )
        self._guard = guard

    def append(self, lines: bytes) -> None:
        """Write `lines` or nothing: what a full disk cut off is taken back.

        Waits while a user is erased from the files. Raises OSError.
        """
        with held(self._folder, WRITING):
            self._append(lines)

    def _append(self, lines: bytes) -> None:
        file = self._today()
        before = os.fstat(file).st_size
        try:
            written = 0
            while written < len(lines):
                written += os.write(file, lines[written:])
            if self._fsync:
                os.fsync(file)
        except OSError:
            if written:
                os.ftruncate(file, before)
            raise

    def newest_rows(self, limit: int) -> list[dict[str, Any]]:
        """Return the last rows of the two newest files, oldest first; a line that is cut off is skipped."""
        rows: list[dict[str, Any]] = []
        for path in [path for path in sorted(self._folder.glob(f"{self._name}_*.jsonl")) if path.is_file()][-2:]:
            for line in _tail(path).splitlines():
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if isinstance(row, dict):
                    rows.append(row)
        return rows[-limit:]

    def close(self) -> None:
        """Close today's file and let another process have the folder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        os.close(self._guard)

    def _today(self) -> int:
        day = f"{datetime.fromtimestamp(self._clock(), UTC):%Y%m%d}"
        path = self._folder / f"{self._name}_{day}.jsonl"
        if self._file is None or day != self._day or _replaced(self._file, path):
            if self._file is not None:
                os.close(self._file)
                self._file = None
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._day = day
            _end_line(self._file)
            self._prune()
        return self._file

    def _prune(self) -> None:
        if self._keep_days is None:
            return
        first = datetime.fromtimestamp(self._clock(), UTC) - timedelta(days=self._keep_days)
        for path in self._folder.glob(f"{self._name}_*.jsonl"):
            if path.name < f"{self._name}_{first:%Y%m%d}.jsonl":
                path.unlink(missing_ok=True)


def _tail(path: Path) -> bytes:
    """Return the end of a file, all of it where it is not large; the start may be in the middle of a line."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return stream.read(_TAIL_BYTES)


def _replaced(file: int, path: Path) -> bool:
    """Whether `path` is not the file that is open: whoever erases a user puts a shorter one in its place."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) != ((own := os.fstat(file)).st_dev, own.st_ino)


def _end_line(file: int) -> None:
    """Take back the line that a killed process left unfinished; nobody was told that it was kept."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        last = os.pread(file, end - start, start).rfind(b"\n")
        if last >= 0:
            end = start + last + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
