"""The corpus: every recipe that was imported, in one SQLite file. The one module that opens it."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Self

import orjson

from mlops.errors import Invalid, MlopsError, Permanent, Transient
from mlops.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

Outcome = Literal["added", "updated", "unchanged"]
APPLICATION_ID = 0x52435053
SCHEMA_VERSION = 1
_FETCH = 500
_TABLE = """
CREATE TABLE recipes (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  row TEXT NOT NULL,
  source TEXT NOT NULL,
  imported_at TEXT NOT NULL
) STRICT
"""
_UPSERT = """
INSERT INTO recipes (id, digest, row, source, imported_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  digest = excluded.digest, row = excluded.row, source = excluded.source, imported_at = excluded.imported_at
"""


class CorpusStore:
    """Recipes by id. One process may write while others read; not to be shared between threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path, *, busy_seconds: float = 5.0) -> CorpusStore:
        """Open the store at `path`, made where there is none.

        Raises Permanent where that cannot be, Invalid for a file of another kind, Transient where somebody else keeps
        it locked for longer than `busy_seconds`.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Permanent(f"{path.parent} cannot be made: {error.strerror}", hint="name another folder") from error
        with _faults(path):
            connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    def upsert(self, recipes: Sequence[Recipe], *, source: str, now: datetime) -> tuple[Outcome, ...]:
        """Write a batch in one transaction, all or nothing, and say of each recipe what became of it.

        A recipe that is there with the same content is left alone, with the time and the source of its last change.
        Raises Transient for a lock, Permanent for a full, broken or read-only disk; then nothing of the batch is kept.
        """
        outcomes: list[Outcome] = []
        written: list[tuple[str, str, str, str, str]] = []
        with _faults(self._path), _transaction(self._connection):
            known = self._digests([recipe.id for recipe in recipes])
            for recipe in recipes:
                row = _row_bytes(recipe)
                digest = hashlib.sha256(row).hexdigest()
                before = known.get(recipe.id)
                outcomes.append("unchanged" if before == digest else "updated" if before else "added")
                if before != digest:
                    written.append((recipe.id, digest, row.decode(), source, now.isoformat()))
                    known[recipe.id] = digest
            self._connection.executemany(_UPSERT, written)
        return tuple(outcomes)

    def count(self) -> int:
        """How many recipes there are."""
        with _faults(self._path):
            number: int = self._connection.execute("SELECT count(*) FROM recipes").fetchone()[0]
        return number

    def rows(self) -> Iterator[Recipe]:
        """Every recipe in the order of ids, drawn from the file as they are asked for."""
        for row in self._rows():
            yield Recipe.from_row(orjson.loads(row))

    def digest(self) -> str:
        """`sha256:…` over all rows in the order of ids: the data digest, as in the manifest of an artefact."""
        total = hashlib.sha256()
        for row in self._rows():
            total.update(row.encode() + b"\n")
        return f"sha256:{total.hexdigest()}"

    def _rows(self) -> Iterator[str]:
        with _faults(self._path):
            cursor = self._connection.execute("SELECT row FROM recipes ORDER BY id")
            while batch := cursor.fetchmany(_FETCH):
                for (row,) in batch:
                    yield row

    def _digests(self, ids: Sequence[str]) -> dict[str, str]:
        query = "SELECT id, digest FROM recipes WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._connection.execute(query, (orjson.dumps(ids).decode(),)))


def _row_bytes(recipe: Recipe) -> bytes:
    """Equal recipes are equal bytes."""
    return orjson.dumps(recipe.to_row(), option=orjson.OPT_SORT_KEYS)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL: a power cut may cost the last batch, never the file
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and application != APPLICATION_ID:
        raise Invalid(f"{path} is the database of another program", hint="name another file")
    if tables and version != SCHEMA_VERSION:
        raise Invalid(
            f"{path} has version {version}, this program reads {SCHEMA_VERSION}",
            hint="use the program that wrote it, or move the file away and import anew",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    if tables:
        return
    with _transaction(connection):
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():  # somebody else may have been faster
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; IMMEDIATE, so that a lock is met before any work is done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some faults
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise fault_of(error, path) from error


_KEPT = "what was committed before is kept, and importing again goes on from there"
_FAULTS: Mapping[int, tuple[type[MlopsError], str, str]] = {
    sqlite3.SQLITE_BUSY: (Transient, "is locked by another process", "wait until it is done, then try again"),
    sqlite3.SQLITE_LOCKED: (Transient, "is locked by another process", "wait until it is done, then try again"),
    sqlite3.SQLITE_FULL: (Permanent, "cannot grow: the disk is full", f"free disk space; {_KEPT}"),
    sqlite3.SQLITE_IOERR: (Permanent, "cannot be read or written", f"check disk and disk space; {_KEPT}"),
    sqlite3.SQLITE_READONLY: (Permanent, "is read-only", "check the rights of the file and its folder"),
    sqlite3.SQLITE_PERM: (Permanent, "is not to be written", "check the rights of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (Permanent, "cannot be opened", "check the rights of the file and its folder"),
    sqlite3.SQLITE_NOTADB: (Invalid, "is no corpus", "name another file"),
    sqlite3.SQLITE_CORRUPT: (Permanent, "is damaged", "move the file away and import anew"),
}


def fault_of(error: sqlite3.Error, path: Path) -> MlopsError:
    """What an error of SQLite means for whoever runs an import. Codes: https://www.sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest its finer points
    kind, meaning, hint = _FAULTS.get(code, (Permanent, "cannot be used", "see the message of SQLite"))
    return kind(f"{path} {meaning}: {error}", hint=hint)
