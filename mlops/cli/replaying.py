"""`recipes replay`: the core decides the stored record of a version again, and must come to the same end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.replay import replay as decided_again
from controller.resource.codec import codec
from controller.resource.version_status import VersionStatus
from mlops.cli.console import answer, print_json
from mlops.cli.durations import instant
from mlops.cli.state import opened
from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from controller.replay import Record
    from controller.resource.version import ModelVersion

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Where the record and what the core decides now part: the path of the value, and both."""

    at: datetime
    path: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        return f"{instant(self.at)} {self.path}: recorded {self.recorded}, now {self.found}"


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(replay)


def replay(
    version: Annotated[str, typer.Argument(help="Semantic version.")],
    json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Decide the record of a version again: exit 1 where anything comes out otherwise, or another end is stored."""
    with opened() as state, state.together():  # whoever decides meanwhile must not come between the two
        found = state.resources.version(version)
        records = of_this_life(state.decisions(found.spec.version), found)
    if not records:
        raise NotFound(
            f"no decision about {found.spec.version} is on record",
            hint="it begins when the controller, or `recipes up`, runs",
        )
    partings = compare(records, found)
    if json:
        told = [
            {"at": instant(each.at), "path": each.path, "recorded": each.recorded, "now": each.found}
            for each in partings
        ]
        print_json({"version": found.spec.version, "decisions": len(records), "differences": told})
    else:
        _print(found, records, partings)
    raise typer.Exit(1 if partings else 0)


def of_this_life(records: Sequence[Record], version: ModelVersion) -> tuple[Record, ...]:
    """Without the decisions about an earlier object of the same name, which was deleted. Pure."""
    return tuple(
        record
        for record in records
        if any(
            seen.spec.version == version.spec.version and seen.meta.uid == version.meta.uid
            for seen in record.observation.versions
        )
    )


def compare(records: Sequence[Record], version: ModelVersion) -> tuple[Parting, ...]:
    """Every decision made again, each one begun where the one before ended, and the last one stored. Pure."""
    number = version.spec.version
    again = (
        Parting(at=each.at, path=path, recorded=recorded, found=found)
        for each in decided_again(records)
        for path, recorded, found in parting(each.recorded, each.decided, each.part)
    )
    return (*again, *_chained(records, number), *_stored(records[-1], version))


def parting(recorded: Any, found: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The innermost places where two JSON documents differ. Pure."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for name in sorted({*recorded, *found}):
            yield from parting(recorded.get(name), found.get(name), f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for place, (before, after) in enumerate(zip(recorded, found, strict=True)):
            yield from parting(before, after, f"{path}[{place}]")
    elif recorded != found:
        yield path, recorded, found


def _chained(records: Sequence[Record], number: str) -> Iterator[Parting]:
    """A status that changed between two decisions was written by somebody else."""
    for before, after in pairwise(records):
        seen = next(each.status for each in after.observation.versions if each.spec.version == number)
        yield from _partings(after.at, before, number, seen, "observed")


def _stored(last: Record, version: ModelVersion) -> Iterator[Parting]:
    return _partings(last.at, last, version.spec.version, version.status, "stored")


def _partings(at: datetime, record: Record, number: str, status: VersionStatus | None, kind: str) -> Iterator[Parting]:
    written = record.decision["statuses"][number]
    found = None if status is None else codec(VersionStatus).dump(status)
    for path, recorded, now in parting(written, found, f"{kind} status"):
        yield Parting(at=at, path=path, recorded=recorded, found=now)


def _print(version: ModelVersion, records: Sequence[Record], partings: Sequence[Parting]) -> None:
    count = "1 decision" if len(records) == 1 else f"{len(records)} decisions"
    span = f"from {instant(records[0].at)} to {instant(records[-1].at)}"
    number, status = version.spec.version, version.status
    if not partings:
        where = f"{status.stage} ({status.reason})" if status is not None else "nowhere"
        answer(f"{number}: {count} {span} decided again, no difference; it ends in {where}, as stored")
        return
    for each in partings[:SHOWN]:
        answer(str(each))
    more = f"; {len(partings) - SHOWN} more with --json" if len(partings) > SHOWN else ""
    answer(f"{number}: {count} {span} decided again, {len(partings)} differences{more}")
