"""What was decided, and what people were told, kept for `recipes explain`, `history` and `replay`."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from controller.replay import Record

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from controller.actions import Notify
    from controller.decide import Decision
    from controller.observation import Observation
    from mlops.embedded.database import Database

KEPT_RECORDS = 2_000  # some 15 KB each
KEPT_NOTICES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that people were told; `version` is None where it is about the Model."""

    at: datetime
    version: str | None
    reason: str
    message: str
    warning: bool


class Records:
    """The latest decisions that changed anything, and the latest notices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, at: datetime, observation: Observation, decision: Decision) -> None:
        """Keep one decision; the oldest beyond KEPT_RECORDS goes."""
        body = zlib.compress(json.dumps(Record.of(at, observation, decision).to_dict()).encode())
        versions = json.dumps(sorted(decision.changed(observation)))
        with self._database.transaction() as connection:
            number = connection.execute(
                "INSERT INTO records (at, versions, body) VALUES (?,?,?)", (at.isoformat(), versions, body)
            ).lastrowid
            connection.execute("DELETE FROM records WHERE number <= ?", ((number or 0) - KEPT_RECORDS,))

    def together(self) -> AbstractContextManager[object]:
        """A block in which everything is kept, or nothing."""
        return self._database.transaction()

    def of_version(self, version: str) -> tuple[Record, ...]:
        """The decisions that changed a version's status, oldest first; those before KEPT_RECORDS are gone."""
        rows = self._database.read(
            "SELECT body FROM records WHERE EXISTS (SELECT 1 FROM json_each(versions) WHERE value=?) ORDER BY number",
            version,
        )
        return tuple(Record.from_dict(json.loads(zlib.decompress(row["body"]))) for row in rows)

    def tell(self, notice: Notify, at: datetime) -> bool:
        """Keep a notice; False where one of this name was told before."""
        with self._database.transaction() as connection:
            told = connection.execute(
                "INSERT OR IGNORE INTO notices VALUES (?,?,?,?,?,?)",
                (notice.name, at.isoformat(), notice.version, notice.reason, notice.message, int(notice.warning)),
            ).rowcount
            connection.execute(
                "DELETE FROM notices WHERE rowid <= (SELECT MAX(rowid) FROM notices) - ?", (KEPT_NOTICES,)
            )
        return told == 1

    def notices(self, version: str | None = None) -> tuple[Notice, ...]:
        """What was told, oldest first; of one version where one is named."""
        rows = self._database.read(
            "SELECT * FROM notices WHERE ? IS NULL OR version=? ORDER BY rowid", version, version
        )
        return tuple(
            Notice(
                at=datetime.fromisoformat(row["at"]),
                version=row["version"],
                reason=row["reason"],
                message=row["message"],
                warning=bool(row["warning"]),
            )
            for row in rows
        )
