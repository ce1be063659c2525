"""All versions of one model at one moment, and the rule that says which stage each is in. Pure.

The alias `champion` is the only truth about production: it is one row of MLflow's, so no reader can ever see two
productions, not even between the steps of two racing promotions. The stage tag decides among the other stages; where
it says Production while the alias is elsewhere, the version has been superseded and reads as Archived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import NotFound
from mlops.registry.semantic_version import parse_version, same_release
from mlops.registry.stages import Stage
from mlops.registry.values import CHAMPION, RegisteredVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.registry.record import Record

SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The records of `model`, newest release first, and where its aliases point."""

    model: str
    records: tuple[Record, ...]
    aliases: Mapping[str, int]

    @property
    def champion(self) -> int | None:
        """MLflow's number of the version in production."""
        return self.aliases.get(CHAMPION)

    def find(self, version: str) -> Record:
        """The record of a release. Raises NotFound with the releases there are."""
        for record in self.records:
            if same_release(record.version, version):
                return record
        known = ", ".join(record.version for record in self.records) or "none"
        raise NotFound(f"{self.model} has no version {version}; registered: {known}", hint="see `recipes models`")

    def name_of(self, number: int | None) -> str:
        """What to call MLflow's `number` in a message."""
        names = [record.version for record in self.records if record.number == number]
        return names[0] if names else f"number {number}"

    def read(self, record: Record) -> RegisteredVersion:
        """`record` with its stage decided."""
        return as_registered(record, self.aliases)

    def read_all(self) -> tuple[RegisteredVersion, ...]:
        """Every version, newest release first."""
        return tuple(self.read(record) for record in self.records)


def arrange(model: str, records: list[Record], aliases: Mapping[str, int]) -> Listing:
    """Order `records` by precedence, and hide the later of two that race to register one release."""
    earliest: dict[str, Record] = {}
    for record in sorted(records, key=lambda record: record.number):
        earliest.setdefault(str(parse_version(record.version).replace(build=None)), record)
    newest_first = sorted(earliest.values(), key=lambda record: parse_version(record.version), reverse=True)
    return Listing(model=model, records=tuple(newest_first), aliases=aliases)


def as_registered(record: Record, aliases: Mapping[str, int]) -> RegisteredVersion:
    """Decide the stage of `record` by the rule above."""
    stage, reason = record.tagged, record.events[-1].why
    if aliases.get(CHAMPION) == record.number:
        stage = Stage.PRODUCTION
    elif stage is Stage.PRODUCTION:
        stage, reason = Stage.ARCHIVED, SUPERSEDED
    return RegisteredVersion(
        model=record.model,
        version=record.version,
        stage=stage,
        reason=reason,
        number=record.number,
        digest=record.digest,
        source=record.source,
        run_id=record.run_id,
        metadata=record.metadata,
        metrics=record.metrics,
        created_at=record.events[0].at,
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == record.number)),
    )


def in_production_by_history(record: Record) -> bool:
    """True when the last that was recorded of this version is its promotion."""
    return record.events[-1].target is Stage.PRODUCTION
