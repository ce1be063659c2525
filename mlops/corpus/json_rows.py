"""Rows out of JSON: one object a line, a list of objects, or one document that may be linked data (JSON-LD)."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from mlops.corpus.rows import BadRow, RawRow, shown
from mlops.corpus.schema_org import is_linked_data, recipes_in
from mlops.corpus.source import Lines, RowTooLong, Source, read_whole
from mlops.corpus.vocabulary import under_our_names
from mlops.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.corpus.rows import Limits

_PIECE = 64 << 10
_DIGITS = 20
_KINDS = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}


class JsonReader:
    """Parses JSON as RFC 8259 has it, and refuses what it leaves open: a key given twice, NaN and Infinity.

    Of two lists of allergens under one key nobody knows which is meant, and the difference can hurt. The standard
    library's parser costs no more than orjson here (1.1 s against 1.6 s for 47 MB of rows) and tells of such keys.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=self._constant, parse_int=self._integer, strict=strict
        )
        self.objection = ""

    def read(self, text: str) -> Any:
        """Parse the whole of `text`; raises ValueError with a reason in plain words."""
        value, end = self.read_at(text, len(text) - len(text.lstrip()))
        rest = text[end:].lstrip()
        if rest:
            raise ValueError(f"is not JSON: more text behind its end at character {len(text) - len(rest) + 1}")
        if self.objection:
            raise ValueError(self.objection)
        return value

    def read_at(self, text: str, position: int) -> tuple[Any, int]:
        """Parse the value at `position` and return it with its end; `objection` says what it must be refused for."""
        self.objection = ""
        try:
            return self._decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            reason = f"is not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
            raise ValueError(reason) from error
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in value if names.count(name) > 1)
            self.objection = f"gives the key {twice[:80]!r} twice"
        return value

    def _integer(self, digits: str) -> int:
        if len(digits) > _DIGITS:
            self.objection = f"holds a number of {len(digits):,} digits"
            return 0
        return int(digits)

    def _constant(self, name: str) -> None:
        self.objection = f"holds {name}, which is no JSON"


def read_lines(source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    """One JSON object a line; empty lines are passed over, broken ones are yielded as such."""
    lines, reader = Lines(source.stream, limits.row), JsonReader()
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except RowTooLong as error:
            yield BadRow(line=lines.number, reason=str(error), raw=shown(error.start))
            continue
        if lines.number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield from _rows_of_line(reader, line, lines.number)


def read_document(source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    """One JSON object, read whole: a schema.org document with recipes somewhere in it, or a single row."""
    try:
        value = JsonReader().read(read_whole(source, limits.document).decode("utf-8-sig"))
    except ValueError as error:  # UnicodeDecodeError is one
        raise Invalid(f"{source.path} {_plain(error)}", hint="correct the file") from error
    if is_linked_data(value) and not recipes_in(value):
        raise Invalid(f"{source.path} holds no schema.org Recipe", hint="check that it is the page of a recipe")
    yield from rows_of(value, 1)


def rows_of(value: Any, line: int) -> Iterator[RawRow | BadRow]:
    """The recipes that one JSON value stands for: several for a linked-data graph, one for a plain row."""
    if not isinstance(value, dict):
        kind = _KINDS[type(value)]
        yield BadRow(line=line, reason=f"must be an object with title and ingredients, not {kind}", raw=shown(value))
        return
    if not is_linked_data(value):
        yield RawRow(line=line, fields=under_our_names(value), raw=value)
        return
    found = recipes_in(value)
    for node, fields in found:
        yield RawRow(line=line, fields=fields, raw=node)
    if not found:
        yield BadRow(line=line, reason="holds no schema.org Recipe", raw=shown(value))


def read_list(source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    """A JSON list of rows, an item at a time; `line` is the number of the item.

    Raises Invalid where an item is not JSON: nobody can tell where the next one begins.
    """
    window, reader, number = _Window(source), JsonReader(), 0
    if window.next_character() == "[":
        window.position += 1
    while (character := window.next_character()) not in ("", "]"):
        if number:
            if character != ",":
                raise _broken(source, number, "is followed by something else than a comma")
            window.position += 1
            window.next_character()
        number += 1
        value = _item(window, reader, source, number, limits.row)
        if reader.objection:
            yield BadRow(line=number, reason=reader.objection, raw=shown(value))
        else:
            yield from rows_of(value, number)
    if not character:
        raise _broken(source, number, "is the last; the list is not closed behind it")


def _item(window: _Window, reader: JsonReader, source: Source, number: int, limit: int) -> Any:
    """Parse the item at the window's position, reading on as long as it may only be cut off."""
    while True:
        try:
            value, end = reader.read_at(window.text, window.position)
        except ValueError as error:
            if len(window.text) - window.position > limit:
                raise _broken(source, number, f"{_plain(error)}, or has more than {limit:,} characters") from error
            if not window.read_on():
                raise _broken(source, number, _plain(error)) from error
        else:
            window.position = end
            return value


def _broken(source: Source, number: int, reason: str) -> Invalid:
    return Invalid(
        f"{source.path}: item {number} {reason}; the items behind it cannot be told apart",
        hint="correct the item, or write one recipe a line (JSONL): there a broken row costs only itself",
    )


class _Window:
    """The part of a long text that is being parsed; it grows by what it holds, so that re-reading stays linear."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self.text = ""
        self.position = 0

    def read_on(self) -> bool:
        """Drop what was parsed and read as much again as is left; False at the end of the file."""
        self.text, self.position = self.text[self.position :], 0
        piece = self._source.stream.read(max(_PIECE, len(self.text)))
        try:
            self.text += self._decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise Invalid(f"{self._source.path} {_plain(error)}", hint="save it as UTF-8") from error
        return bool(piece)

    def next_character(self) -> str:
        """Go to the next character that is no white space and return it; empty at the end of the file."""
        while True:
            while self.position < len(self.text):
                if self.text[self.position] not in " \t\r\n":
                    return self.text[self.position]
                self.position += 1
            if not self.read_on():
                return ""


def _rows_of_line(reader: JsonReader, line: bytes, number: int) -> Iterator[RawRow | BadRow]:
    try:
        value = reader.read(line.decode())
    except ValueError as error:  # UnicodeDecodeError is one
        yield BadRow(line=number, reason=_plain(error), raw=shown(line))
        return
    yield from rows_of(value, number)


def _plain(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start + 1}"
    return str(error)
