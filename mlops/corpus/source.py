"""The bytes of a file on its way in: unpacked, bounded, and read line by line however long a line is."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from mlops.errors import Invalid, MlopsError, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops.corpus.rows import Limits

STDIN = "-"
_BUFFER = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(slots=True, kw_only=True)
class Source:
    """An open file: its bytes, and what its reader has to tell about it: how far it is, in what state its text was."""

    path: Path
    stream: io.BufferedReader[Any]
    packed: bool
    size: int = 0
    done: int = 0
    unit: str = "bytes"
    recoded_lines: int = 0
    raw: BinaryIO | None = None

    @property
    def name(self) -> str:
        """What to call the file in messages and file names."""
        return "stdin" if str(self.path) == STDIN else self.path.name

    def progress(self) -> tuple[int, int]:
        """How much is done, of how much, in `unit`; of standard input the size is not known and is 0."""
        if self.raw is not None and self.unit == "bytes":
            return self.raw.tell(), self.size
        return self.done, self.size


@contextmanager
def open_source(path: Path, limits: Limits) -> Iterator[Source]:
    """Open `path`, or standard input for `-`; what is packed with gzip is unpacked, whatever its name.

    Raises NotFound, Invalid for a folder, Permanent for what may not be read. Reading on raises Invalid where the
    packing is damaged or holds more than `limits.unpacked`.
    """
    if str(path) == STDIN:
        with io.FileIO(sys.stdin.fileno(), closefd=False) as stdin:
            yield _source(path, io.BufferedReader(stdin, _BUFFER), limits)
        return
    try:
        raw = io.BufferedReader(path.open("rb", buffering=0), _BUFFER)
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist", hint="check the name of the file") from error
    except IsADirectoryError as error:
        raise Invalid(f"{path} is a folder", hint=f"name the files in it: {path}/*") from error
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}", hint="check the file and its rights") from error
    with raw:
        source = _source(path, raw, limits)
        if raw.seekable():  # a pipe has neither size nor position
            source.raw, source.size = raw, os.fstat(raw.fileno()).st_size
        yield source


def _source(path: Path, plain: io.BufferedReader[Any], limits: Limits) -> Source:
    packed = plain.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    if packed:
        plain = io.BufferedReader(_Unpacked(plain, path, limits.unpacked), _BUFFER)
    return Source(path=path, stream=plain, packed=packed)


class _Unpacked(io.RawIOBase):
    """A gzip stream that gives up behind `limit` bytes, so that a small file cannot keep a machine busy for days."""

    def __init__(self, packed: BinaryIO, path: Path, limit: int) -> None:
        self._gzip = gzip.GzipFile(fileobj=packed)
        self._path = path
        self._left = self._limit = limit

    def readable(self) -> bool:
        """Tell BufferedReader that this may be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # only BufferedReader calls it
        """Fill `buffer` from the unpacked stream; raises Invalid for damage and beyond the limit."""
        try:
            piece = self._gzip.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Invalid(f"{self._path}: the packing is damaged: {error}", hint="fetch or pack it anew") from error
        self._left -= len(piece)
        if self._left < 0:
            raise Invalid(
                f"{self._path} unpacks to more than {self._limit:,} bytes", hint="unpack it and import it in parts"
            )
        buffer[: len(piece)] = piece
        return len(piece)


class RowTooLong(Exception):  # noqa: N818 - an outcome of a line, not a fault of the file: reading goes on behind it
    """A line or record has more bytes than a row may have; `start` is its beginning."""

    def __init__(self, limit: int, start: bytes) -> None:
        super().__init__(f"has more than {limit:,} bytes")
        self.start = start


class Lines:
    """The lines of a stream, with their ends; of a line beyond `limit` only the beginning is ever in memory.

    Such a line raises RowTooLong, and the next call goes on with the line behind it.
    """

    def __init__(self, stream: io.BufferedReader[Any], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.number = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> bytes:
        line = self._stream.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) <= self._limit or line.endswith(b"\n"):
            return line
        start = line[: 8 << 10]
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(_BUFFER)
        raise RowTooLong(self._limit, start)


def read_whole(source: Source, limit: int) -> bytes:
    """Read a document that can only be understood as a whole; raises Invalid beyond `limit` bytes."""
    content = source.stream.read(limit + 1)
    if len(content) > limit:
        raise Invalid(
            f"{source.path} has more than {limit:,} bytes, the most for a document that is read whole",
            hint="write one recipe a line (JSONL): such a file may be of any size",
        )
    return content


def unreadable(path: Path, error: OSError) -> MlopsError:
    """What a fault of the disk or the network below an open file becomes."""
    return Permanent(f"{path} cannot be read on: {error.strerror or error}", hint="check the disk, then import again")
