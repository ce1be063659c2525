"""The rows that were refused, for whoever wrote them: `<name>.rejects.jsonl`, written anew by each import."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self

from mlops.errors import Permanent

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from mlops.corpus.rows import BadRow


class Rejects:
    """A rejects file in the making: rows go to a file beside it, which takes its place at the end.

    The file of an earlier import stays until then; where nothing was refused, none is left.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._fresh = path.with_name(f"{path.name}.new")
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._stream is not None:
                self._stream.close()
                self._fresh.replace(self.path)
            elif self.path.exists():
                self.path.unlink()
        except OSError as fault:
            with suppress(OSError):  # the fault that is told is the first one
                self._fresh.unlink()
            raise self._unwritable(fault) from fault

    def add(self, row: BadRow) -> None:
        """Write one row; raises Permanent when the disk is full or the folder cannot be written."""
        document = {"line": row.line, "field": row.field, "reason": row.reason, "also": row.also, "raw": row.raw}
        line = json.dumps({key: value for key, value in document.items() if value}, ensure_ascii=False) + "\n"
        try:
            if self._stream is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._fresh.open("wb")
            # Half a surrogate pair has no UTF-8; its escape is the same character to whoever reads the JSON.
            self._stream.write(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise self._unwritable(error) from error
        self.count += 1

    def _unwritable(self, error: OSError) -> Permanent:
        return Permanent(
            f"{self.path} cannot be written: {error.strerror}", hint="free disk space, or name a folder with --rejects"
        )
