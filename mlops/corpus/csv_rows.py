"""Rows out of CSV and TSV: headings in English or Spanish, commas, semicolons or tabs, UTF-8 or Windows-1252."""

from __future__ import annotations

import ast
import codecs
import csv
import json
import warnings
from typing import TYPE_CHECKING, Any

from mlops.corpus.rows import BadRow, RawRow, shown
from mlops.corpus.source import Lines, RowTooLong
from mlops.corpus.vocabulary import columns_of, under_our_names
from mlops.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.corpus.rows import Limits
    from mlops.corpus.source import Source

_DELIMITERS = (",", ";", "\t")
_REQUIRED = ("title", "ingredients")
# Ingredients and steps have commas inside; a list of words has not.
_WORD_LISTS = ("season", "diets", "allergens", "tags")
_TEXT_LISTS = ("ingredients", "steps")


def read_csv(source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    """One recipe a record; the first line that is not empty has the headings.

    Raises Invalid where there are no columns for title and ingredients, or two of one name.
    """
    text = _Text(source, limits.row)
    heading_line = next((line for line in text if line.strip()), "")
    delimiter = delimiter_of(heading_line)
    headings = _headings(heading_line, delimiter, source)
    records = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        text.start_record()
        try:
            cells = next(records)
        except StopIteration:
            return
        except (RowTooLong, UnicodeDecodeError, csv.Error) as error:
            yield BadRow(line=text.record_line, reason=_plain(error), raw=shown(text.last))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(headings):
            reason = f"has {len(cells)} cells, the headings are {len(headings)}"
            yield BadRow(line=text.record_line, reason=reason, raw=shown(cells))
            continue
        raw = dict(zip(headings, cells, strict=True))
        yield RawRow(line=text.record_line, fields=_fields(raw), raw=raw)


def delimiter_of(heading_line: str) -> str:
    """The delimiter that makes most of our headings out of the line; of several the first of comma, semicolon, tab."""
    return max(_DELIMITERS, key=lambda delimiter: len(columns_of(_cells(heading_line, delimiter))))


def has_our_headings(line: str) -> bool:
    """True where `line` names columns for a title and for ingredients."""
    columns = columns_of(_cells(line, delimiter_of(line)))
    return all(field in columns for field in _REQUIRED)


def list_cell(cell: str, *, words: bool) -> list[Any]:
    """The items of a cell: a JSON list, or parted by line breaks, else `|`, else `;`, else (for words) commas.

    A list as Python prints it is read too, as the best known recipe data sets have their lists like that.
    """
    text = cell.strip()
    if text.startswith("[") and text.endswith("]"):
        printed = _printed_list(text)
        if printed is not None:
            return printed
    for separator in ("\n", "|", ";", ","):
        if separator in text and (separator != "," or words):
            return [item.strip() for item in text.split(separator) if item.strip()]
    return [text]


def _printed_list(text: str) -> list[Any] | None:
    for parse in (json.loads, ast.literal_eval):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a backslash in a foreign text is nothing to warn its importer of
                value = parse(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list):
            return value
    return None


def _fields(raw: dict[str, str]) -> dict[str, Any]:
    """The record under our names; an empty cell is an absent value, and cells that stand for lists become lists."""
    fields: dict[str, Any] = under_our_names({heading: cell for heading, cell in raw.items() if cell.strip()})
    for field in (*_TEXT_LISTS, *_WORD_LISTS):
        if field in fields:
            fields[field] = list_cell(fields[field], words=field in _WORD_LISTS)
    return fields


def _headings(line: str, delimiter: str, source: Source) -> Sequence[str]:
    headings = [heading.strip() for heading in _cells(line, delimiter)]
    columns = columns_of(headings)
    missing = [field for field in _REQUIRED if field not in columns]
    if missing:
        found = ", ".join(repr(heading[:40]) for heading in headings[:20])
        raise Invalid(
            f"{source.path} has no column for {' and '.join(missing)}; its columns are {found}",
            hint="name them title and ingredients (or nombre and ingredientes) in the first line",
        )
    twice = next((heading for found in columns.values() for heading in found if headings.count(heading) > 1), None)
    if twice:
        raise Invalid(f"{source.path} has two columns {twice!r}", hint="rename or remove one of them")
    return headings


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"is neither UTF-8 nor Windows-1252: byte 0x{error.object[error.start]:02x}"
    if "field larger" in str(error):
        return f"has a cell of more than {csv.field_size_limit():,} characters, or a quote that is not closed"
    return f"is not CSV: {error}" if isinstance(error, csv.Error) else str(error)


class _Text:
    """Decoded lines for the csv module. A record over many lines is bounded as a line is: RowTooLong, and on."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._lines = Lines(source.stream, limit)
        self._limit = self._left = limit
        self.record_line = 1
        self.last = b""

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        self.last = b""
        try:
            self.last = next(self._lines)
        except RowTooLong as error:
            self.last = error.start
            raise
        self._left -= len(self.last)
        if self._left < 0:
            raise RowTooLong(self._limit, self.last)
        return self._decoded(self.last.removeprefix(codecs.BOM_UTF8) if self._lines.number == 1 else self.last)

    def start_record(self) -> None:
        """Tell that the next line begins a record."""
        self.record_line = self._lines.number + 1
        self._left = self._limit

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._source.recoded_lines += 1
            return line.decode("cp1252")
