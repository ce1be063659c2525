"""From a path to rows: which format a file is in, and the reader for it. Every reader streams in bounded memory."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlops.corpus.csv_rows import has_our_headings, read_csv
from mlops.corpus.json_rows import JsonReader, read_document, read_lines, read_list
from mlops.corpus.parquet_rows import read_parquet
from mlops.corpus.source import STDIN, Source, open_source, unreadable
from mlops.corpus.web_pages import read_page
from mlops.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops.corpus.rows import BadRow, Limits, RawRow

Format = Literal["jsonl", "list", "document", "csv", "parquet", "html"]
_HEAD = 64 << 10
_FORMATS = "JSONL, CSV or TSV (each also .gz), Parquet, a JSON list, schema.org JSON-LD, or an HTML page with it"
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "save the sheet as CSV (UTF-8)"),
    (b"SQLite format 3\0", "a SQLite database", "export its recipes as JSONL or CSV"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b"%PDF", "a PDF document", f"give {_FORMATS}"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BINARY_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Rows to be drawn, and the open file that they come from: how far it is, how its text was."""

    rows: Iterator[RawRow | BadRow]
    source: Source

    def notes(self) -> tuple[str, ...]:
        """What whoever wrote the file should know of it, once the rows are drawn."""
        recoded = self.source.recoded_lines
        return (f"{recoded} lines were not UTF-8 and were read as Windows-1252",) if recoded else ()


@contextmanager
def reading(path: Path, limits: Limits) -> Iterator[Reading]:
    """Open `path` (`-`: JSONL on standard input) and find its format by name, else by content.

    Raises Invalid for an empty, binary or otherwise unsupported file, here or while rows are drawn; NotFound and
    Permanent as `open_source` does.
    """
    with open_source(path, limits) as source:
        try:
            found = "jsonl" if str(path) == STDIN else format_of(path, source.stream.peek(_HEAD)[:_HEAD])
            if found == "parquet" and source.packed:
                raise Invalid(f"{path} is a packed Parquet file", hint="unpack it: Parquet packs its columns itself")
            yield Reading(rows=_rows(found, source, limits), source=source)
        except OSError as error:
            raise unreadable(path, error) from error


def format_of(path: Path, head: bytes) -> Format:
    """Tell the format of a file from its name and its first bytes; what the bytes say outweighs the name."""
    if not head.strip():
        raise Invalid(f"{path} is empty", hint=f"give {_FORMATS}")
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, kind, hint in _OTHERS:
        if head.startswith(magic):
            raise Invalid(f"{path} is {kind}", hint=hint)
    if len(_CONTROLS.findall(head)) > _BINARY_SHARE * len(head):
        raise Invalid(f"{path} is binary", hint=f"give {_FORMATS}")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    named = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if named == "parquet":
        raise Invalid(f"{path} is no Parquet file: it does not begin with PAR1", hint="write it anew")
    return named or _sniffed(path, head)


def _sniffed(path: Path, head: bytes) -> Format:
    text = head.decode("utf-8-sig", "replace").lstrip()
    first_line, _, rest = text.partition("\n")
    if text.startswith("["):
        return "list"
    if text.startswith("{"):
        return "jsonl" if rest.strip() and _is_json(first_line) else "document"
    if text.startswith("<"):
        return "html"
    if has_our_headings(first_line):
        return "csv"
    raise Invalid(f"{path} is in no format that is read", hint=f"give {_FORMATS}")


def _is_json(text: str) -> bool:
    try:
        JsonReader().read(text)
    except ValueError:
        return False
    return True


def _rows(found: Format, source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    match found:
        case "jsonl":
            return read_lines(source, limits)
        case "list":
            return read_list(source, limits)
        case "document":
            return read_document(source, limits)
        case "csv":
            return read_csv(source, limits)
        case "parquet":
            return read_parquet(source)
        case "html":
            return read_page(source, limits)
