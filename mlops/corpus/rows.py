"""What a reader yields: a row under our field names with whatever values its file held, or a place that is no row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SHOWN_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds memory, in bytes: of one row, of a document that is read whole, of what a packed file unpacks to."""

    row: int = 4 << 20
    document: int = 16 << 20
    unpacked: int = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """A row whose values nobody has checked yet.

    `line` counts from 1: lines of text files and pages, items of a JSON list, rows of a Parquet file. `fields` has our
    names, `raw` is the row as its file has it, to be shown to whoever wrote it.
    """

    line: int
    fields: dict[str, Any]
    raw: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that was refused: where, which field, why, and the row itself, cut. `also` names its further faults."""

    line: int
    reason: str
    raw: str
    field: str = ""
    also: tuple[str, ...] = ()


def shown(raw: Any) -> str:
    """Return `raw` as text of bounded length for a rejects file; what is not text is written as JSON."""
    if isinstance(raw, bytes):
        text = raw[: 4 * SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    elif isinstance(raw, str):
        text = raw
    else:
        try:
            text = json.dumps(raw, ensure_ascii=False, default=str)
        except RecursionError:
            text = "(nested too deeply to be shown)"
    return text[:SHOWN_CHARACTERS].rstrip("\r\n")
