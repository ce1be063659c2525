"""The SQLite file behind the laptop shell: what people want, what was decided and why, jobs and their answers.

Several processes open it (`recipes up`, its jobs, every other verb). Each write is one transaction that takes the write
lock at its start, so there is one writer at a time and no reader ever sees half of a write.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from mlops.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

SCHEMA_VERSION = 1
BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE objects (
  kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, generation INTEGER NOT NULL, created TEXT NOT NULL,
  created_by TEXT, deleted_at TEXT, spec TEXT NOT NULL, status TEXT, PRIMARY KEY (kind, name)
) STRICT;
CREATE TABLE facts (kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT;
CREATE TABLE jobs (
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, version TEXT NOT NULL, spec TEXT NOT NULL, started TEXT NOT NULL,
  tries INTEGER NOT NULL, finished TEXT, answer TEXT
) STRICT;
CREATE TABLE records (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, versions TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE notices (
  name TEXT PRIMARY KEY, at TEXT NOT NULL, version TEXT, reason TEXT NOT NULL, message TEXT NOT NULL,
  warning INTEGER NOT NULL
) STRICT;
CREATE TABLE queries (number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
"""


class Database:
    """One connection, shared by the threads of a process. Open it with `open`, close it, or use it in `with`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = RLock()
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, making it where there is none.

        Raises Permanent when it is damaged, cannot be written, or was written by a newer version of this code.
        """
        try:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # what was decided outlives a power cut
            database = cls(connection, path)
            database._migrate()
        except sqlite3.DatabaseError as error:
            raise _fault(error, path) from error
        return database

    def read(self, query: str, *parameters: Any) -> list[sqlite3.Row]:
        """All rows of a query. Raises Transient while the file is locked, Permanent when it is damaged."""
        with self._lock:
            try:
                return self._connection.execute(query, parameters).fetchall()
            except sqlite3.DatabaseError as error:
                raise _fault(error, self.path) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block is written, or nothing. Blocks of one thread may be nested.

        Raises Transient when another writer holds the lock for too long, Permanent for a full disk or a damaged file.
        """
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._roll_back()
                raise _fault(error, self.path) from error
            except BaseException:
                self._roll_back()
                raise

    def changes_of_others(self) -> int:
        """A number that changes whenever another connection has written: cheap enough to ask a few times a second."""
        return int(self.read("PRAGMA data_version")[0][0])

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _migrate(self) -> None:
        with self.transaction() as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found > SCHEMA_VERSION:
                raise Permanent(
                    f"{self.path} has schema {found}, this code knows {SCHEMA_VERSION}",
                    hint="use the newer version of this program, or another RECIPES_HOME",
                )
            if found < SCHEMA_VERSION:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _fault(error: sqlite3.DatabaseError, path: Path) -> Transient | Permanent:
    message, name = f"{path}: {error}", getattr(error, "sqlite_errorname", "")  # Python's own misuse has no name
    if name in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        return Transient(message, hint="another process writes; try again")
    if name == "SQLITE_FULL":
        return Permanent(message, hint="free disk space")
    return Permanent(message, hint="look at the file, or name another RECIPES_HOME")
