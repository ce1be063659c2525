"""Jobs and their answers, as the shell that starts them and the processes that run them both see them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mlops.errors import NotFound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from mlops.embedded.database import Database

KEPT = 300


class JobKind(StrEnum):
    """What a job does."""

    EVALUATION = "evaluation"
    REPLAY = "replay"
    RETRAINING = "retraining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. `tries` counts the processes that began it, `answer` is None until it ended, well or not."""

    name: str
    kind: JobKind
    version: str
    spec: Mapping[str, Any]
    started: datetime
    tries: int
    answer: Mapping[str, Any] | None

    @property
    def done(self) -> bool:
        """True once it has ended."""
        return self.answer is not None


class JobTable:
    """Every job by its name; a name is used once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, kind: JobKind, version: str, spec: Mapping[str, Any], at: datetime) -> bool:
        """Put a job down; False where one of this name is there already. The oldest beyond KEPT go."""
        with self._database.transaction() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO jobs (name, kind, version, spec, started, tries) VALUES (?,?,?,?,?,0)",
                (name, kind, version, json.dumps(spec), at.isoformat()),
            ).rowcount
            connection.execute(
                "DELETE FROM jobs WHERE answer IS NOT NULL AND rowid <= (SELECT MAX(rowid) FROM jobs) - ?", (KEPT,)
            )
        return added == 1

    def begin(self, name: str) -> Job:
        """Count one more try of a job, and return it. Raises NotFound."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET tries = tries + 1 WHERE name=? AND answer IS NULL", (name,))
            return self.get(name)

    def finish(self, name: str, answer: Mapping[str, Any], at: datetime) -> bool:
        """Keep the answer of a job; the first answer stands, and False says that it was another."""
        with self._database.transaction() as connection:
            kept = connection.execute(
                "UPDATE jobs SET answer=?, finished=? WHERE name=? AND answer IS NULL",
                (json.dumps(answer), at.isoformat(), name),
            ).rowcount
        return kept == 1

    def get(self, name: str) -> Job:
        """One job. Raises NotFound."""
        rows = self._database.read("SELECT * FROM jobs WHERE name=?", name)
        if not rows:
            raise NotFound(f"there is no job {name}")
        return _job(rows[0])

    def all(self) -> tuple[Job, ...]:
        """Every job, oldest first."""
        return tuple(_job(row) for row in self._database.read("SELECT * FROM jobs ORDER BY rowid"))


def _job(row: sqlite3.Row) -> Job:
    return Job(
        name=row["name"],
        kind=JobKind(row["kind"]),
        version=row["version"],
        spec=json.loads(row["spec"]),
        started=datetime.fromisoformat(row["started"]),
        tries=row["tries"],
        answer=json.loads(row["answer"]) if row["answer"] else None,
    )
