"""What was measured, as values that are written to a file and read again: the report is made from that file alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DISTINCT, ZIPF = "distinct", "zipf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one measurement is of."""

    size: int
    traffic: str
    connections: int
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run of load. `others` is the share of the machine's processor time that neither server nor load used."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    errors: int
    others: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Medians over the turns of a cell; errors are their sum."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    errors: int
    others: float
    turns: int

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Figure:
        """The medians of `turns`."""
        return cls(
            per_second=median(each.requests / each.seconds for each in turns),
            p50_ms=median(each.p50_ms for each in turns),
            p99_ms=median(each.p99_ms for each in turns),
            cpu_ms=median(each.cpu_ms for each in turns),
            errors=sum(each.errors for each in turns),
            others=median(each.others for each in turns),
            turns=len(turns),
        )


@dataclass
class Figures:
    """All of a run. `about` says where and when; the other parts are named by the module that measures them."""

    about: dict[str, Any] = field(default_factory=dict)
    served: dict[Cell, Figure] = field(default_factory=dict)
    memory: list[dict[str, Any]] = field(default_factory=list)
    built: list[dict[str, Any]] = field(default_factory=list)
    starts: list[dict[str, Any]] = field(default_factory=list)
    agreement: list[dict[str, Any]] = field(default_factory=list)
    quality: dict[str, float] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    overload: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write JSON."""
        document = {**vars(self), "served": [asdict(cell) | asdict(figure) for cell, figure in self.served.items()]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Figures:
        """Read what `save` wrote."""
        document = json.loads(path.read_text(encoding="utf-8"))
        names = Cell.__dataclass_fields__
        served = {
            Cell(**{name: row[name] for name in names}): Figure(**{key: row[key] for key in row.keys() - names.keys()})
            for row in document.pop("served")
        }
        return cls(**document, served=served)

    def of(self, way: str, size: int, connections: int, traffic: str = DISTINCT) -> Figure | None:
        """The figure of a cell, None where it was not measured."""
        return self.served.get(Cell(size=size, traffic=traffic, connections=connections, way=way))

    def sizes(self) -> list[int]:
        """The sizes that anything was measured at."""
        rows = [*self.memory, *self.built, *self.starts, *self.agreement, *self.steps]
        return sorted({cell.size for cell in self.served} | {row["size"] for row in rows})

    def part(self, name: str, /, **wanted: Any) -> dict[str, Any] | None:
        """The first row of a part that has these values."""
        rows: list[dict[str, Any]] = getattr(self, name)
        return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)
