"""Things that go wrong on purpose: the process is killed once at a chosen point, or acts fail as a list says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.errors import Transient
from tests.toyworld.toy_world import Killed

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class KilledAt:
    """Kills the process the n-th time that it could be, and counts how often that was."""

    point: int | None = None
    points: list[str] = field(default_factory=list)

    def __call__(self, where: str) -> None:
        self.points.append(where)
        if len(self.points) - 1 == self.point:
            raise Killed(where)


@dataclass
class Troubled:
    """At each point takes the next of `troubles`: fine, kill or fail; fine when there are none left."""

    troubles: Iterator[str]

    def __call__(self, where: str) -> None:
        match next(self.troubles, "fine"):
            case "kill":
                raise Killed(where)
            case "fail" if not where.startswith("before saving"):
                raise Transient(where)
