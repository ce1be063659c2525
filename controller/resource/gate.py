"""A demand on a metric, and where which metric can be demanded."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from controller.metrics import Source, metric
from controller.resource.fields import Count, DecimalText, MetricName
from controller.resource.problems import Broken, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One demand on one metric: an absolute threshold, a change against production, or both.

    Changes are counted in the better direction: `minAbsoluteChange: "-0.01"` on a metric where greater is better allows
    a loss of 0.01; `minRelativeChange: "-0.2"` on a latency allows 20 % more, and with `minEffect: "10"` 10 ms more
    where 20 % are less. `maxSliceLoss` goes with a change, in an evaluation: no part of the queries (a kind, a
    language, a length) may lose more than that, beyond chance.
    """

    metric: MetricName
    """Name in the catalogue of metrics, or query/NAME."""
    threshold: DecimalText | None = None
    """Value it must reach, or stay below where less is better."""
    min_absolute_change: DecimalText | None = None
    """Against production, in the better direction; "-0.01" allows a loss of 0.01."""
    min_relative_change: DecimalText | None = None
    """The same as a share of production's value."""
    min_effect: DecimalText | None = None
    """A loss of at most this is none, whatever share it is; beside a minRelativeChange that allows a loss."""
    max_slice_loss: DecimalText | None = None
    """No part of the queries may lose more than this; in an evaluation, beside a change."""
    greater_is_better: bool | None = None
    """Only for metrics that the catalogue does not know."""
    min_samples: Annotated[Count, Field(ge=1)] = 1
    """With fewer the gate has no data."""

    def __post_init__(self) -> None:
        """Refuse a gate that demands nothing, or that turns a metric upside down."""
        known = metric(self.metric)
        problems = []
        if self.threshold is None and not self.comparative:
            problems.append(Problem((), "demands nothing: give threshold, minAbsoluteChange or minRelativeChange"))
        if self.max_slice_loss is not None and (self.max_slice_loss < 0 or not self.comparative):
            reason = "is a positive loss beside a minAbsoluteChange or minRelativeChange"
            problems.append(Problem(("maxSliceLoss",), reason))
        allows_loss = self.min_relative_change is not None and self.min_relative_change <= 0
        if self.min_effect is not None and not (self.min_effect > 0 and allows_loss):
            reason = "is a positive loss beside a minRelativeChange of at most 0"
            problems.append(Problem(("minEffect",), reason))
        if known is None and self.greater_is_better is None:
            problems.append(Problem(("greaterIsBetter",), f"of {self.metric} it must be said which is better"))
        if known is not None and self.greater_is_better not in (None, known.rises):
            direction = "greater" if known.rises else "less"
            problems.append(
                Problem(("greaterIsBetter",), f"of {self.metric} {direction} is better; leave the field out")
            )
        Broken.unless_none(problems)

    @property
    def comparative(self) -> bool:
        """True where the gate needs the version in production to compare with."""
        return self.min_absolute_change is not None or self.min_relative_change is not None

    @property
    def rises(self) -> bool:
        """True where greater is better."""
        known = metric(self.metric)
        return bool(self.greater_is_better) if known is None else known.rises


Gates = Annotated[tuple[Gate, ...], Field(max_length=10)]


def gate_problems(gates: Iterable[Gate], source: Source, queries: Container[str] = ()) -> Iterator[Problem]:
    """Gates on what `source` does not measure, and second gates on one metric, with paths below the block of gates.

    `queries` are the metrics that queries of the policy's own measure.
    """
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        known = metric(gate.metric)
        if known is None and gate.metric not in queries:
            place = "has no query of this name" if source is Source.ONLINE else f"is not measured {source}"
            yield Problem(("gates", index, "metric"), f"{gate.metric} {place}")
        if known is not None and source not in known.sources:
            places = ", ".join(sorted(known.sources))
            yield Problem(("gates", index, "metric"), f"{gate.metric} is not measured {source} (only {places})")
        if gate.max_slice_loss is not None and source is not Source.OFFLINE:
            yield Problem(("gates", index, "maxSliceLoss"), "parts of the queries are only looked at offline")
        if gate.metric in seen:
            yield Problem(("gates", index, "metric"), f"{gate.metric} has a gate already; put its limits into one gate")
        seen.add(gate.metric)
