"""Lines of a JSONL file, plain or packed by gzip, one at a time and of bounded length."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Invalid, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREDIBLE = 1e100  # no measurement is of that size, and sums of larger numbers overflow
MAX_LINE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines that are not blank; one longer than MAX_LINE comes in pieces, which are no JSON.

    Raises NotFound, Permanent where it cannot be read, Invalid for a damaged gzip.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == _GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            while line := stream.readline(MAX_LINE):
                if line.strip():
                    yield line
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist", hint="check the path") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid(f"{path}: damaged gzip: {error}", hint="pack the file again") from error
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}", hint="check the path and its rights") from error


def parse_line(line: bytes) -> Any:
    """Parse a line of JSON, and of what Python writes for JSON: NaN, Infinity, whole numbers of any length.

    Raises ValueError for anything else.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            return json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def measured(value: object) -> float | None:
    """The number that a parsed value is; None for what is none, is not finite or of no credible size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -CREDIBLE < value < CREDIBLE else None
