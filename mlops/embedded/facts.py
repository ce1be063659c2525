"""Facts of the laptop's world that must outlive the process: what was verified, and who answers the users."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.observation import ArtifactFact
from controller.resource.codec import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.embedded.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A version's artefact as it was verified: the answer to the decision core, and the folder on this machine."""

    fact: ArtifactFact
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """A version that takes `weight` percent of the users, and the artefact it answers from."""

    version: str
    weight: int
    digest: str
    folder: Path


class Facts:
    """Read and written by the shell; read by every verb."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def located(self) -> dict[str, Located]:
        """What was verified, by version."""
        rows = self._database.read("SELECT name, body FROM facts WHERE kind='artifact'")
        return {row["name"]: _located(json.loads(row["body"])) for row in rows}

    def set_located(self, version: str, located: Located) -> None:
        """Keep the latest answer to the question whether a version's artefact is what it says."""
        folder = None if located.folder is None else str(located.folder)
        self._write("artifact", version, {"fact": codec(ArtifactFact).dump(located.fact), "folder": folder})

    def forget(self, version: str) -> None:
        """A version is gone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM facts WHERE kind='artifact' AND name=?", (version,))

    def traffic(self) -> tuple[Answering, ...]:
        """Who answers, the base first and newcomers after it; empty before anything was promoted."""
        rows = self._database.read("SELECT body FROM facts WHERE kind='traffic'")
        shares = json.loads(rows[0]["body"]) if rows else []
        return tuple(Answering(**{**share, "folder": Path(share["folder"])}) for share in shares)

    def set_traffic(self, shares: Sequence[Answering]) -> None:
        """Remember the split, so that the next start answers as this one did."""
        self._write("traffic", "split", [{**asdict(share), "folder": str(share.folder)} for share in shares])

    def schedule(self) -> dict[str, Any] | None:
        """The retraining schedule that was asked for, as its fields; None where there is none."""
        rows = self._database.read("SELECT body FROM facts WHERE kind='schedule'")
        schedule: dict[str, Any] | None = json.loads(rows[0]["body"]) if rows else None
        return schedule

    def set_schedule(self, schedule: dict[str, Any] | None) -> None:
        """Keep the retraining schedule."""
        self._write("schedule", "retraining", schedule)

    def _write(self, kind: str, name: str, body: object) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO facts VALUES (?,?,?) ON CONFLICT DO UPDATE SET body=excluded.body",
                (kind, name, json.dumps(body)),
            )


def _located(body: dict[str, Any]) -> Located:
    folder = body["folder"]
    return Located(fact=codec(ArtifactFact).load(body["fact"]), folder=None if folder is None else Path(folder))
