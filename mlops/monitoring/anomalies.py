"""Odd points of a series of measurements: spikes, shifts of the level, and trends, each with its arithmetic. Pure.

A value is held against the median and the median absolute deviation of up to sixty values before it (Iglewicz and
Hoaglin 1993): one spike does not widen the band for the next. What was odd is not learned from, unless it lasts: five
odd values in a row on one side are a new level. Shifts too small for any one value to be odd are found by a
cumulative sum, and are called a trend where a line fits the latest values better than a step. What goes round, as with
the time of day, is taken away first (`mlops.monitoring.seasonality`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlops.monitoring.seasonality import season_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlops.monitoring.series import Point

WINDOW = 60
LEAST = 12  # values before the first judgement
LEVEL = 30  # values that a level is learned from
RUN = 5  # odd values in a row that are a new level
THRESHOLD = 4.5
_NORMAL = 1.4826  # of the median absolute deviation to the standard deviation of a normal distribution
_LEAST_SHARE = 0.01  # of the level: a smaller change of a constant is no news
_SKEWED = 1.25
_CLIPPED = 4.0
_FEW = 4
_OFTEN = 3
_MOST_MEMORY = 0.9
# By the words of its name: of these, more is worse; of those, less.
_WORSE_UP = re.compile(
    r"latency|duration|error|fail|empty|_ms\b|_ms$|-ms$|loss|mse|mae|drift|refused|retries|memory|lag|queue"
)
_WORSE_DOWN = re.compile(
    r"ndcg|mrr|recall|precision|ctr|accuracy|f1|coverage|throughput|hit_rate|rating|num_recipes|success"
)


class Kind(StrEnum):
    """What is odd about a point."""

    SPIKE = "spike"
    LEVEL_SHIFT = "level-shift"
    TREND = "trend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A point that is out of the ordinary; `score` counts robust standard deviations.

    `worse` is None for a metric of which nobody knows which way is bad.
    """

    metric: str
    point: Point
    kind: Kind
    rises: bool
    score: float
    worse: bool | None
    reason: str


class Detector(Protocol):
    """Finds lasting changes in standardised values."""

    def changed(self, value: float) -> bool:
        """Take a value; True where the mean has changed."""
        ...


class NoDetector:
    """Finds none: single odd values and runs of them are found without."""

    def changed(self, value: float) -> bool:  # noqa: ARG002 - as the port has it
        """See `Detector`."""
        return False


def worse_when_rising(metric: str) -> bool | None:
    """Whether more of a metric is worse, by its name; None where the name does not tell."""
    name = metric.lower()
    if _WORSE_UP.search(name):
        return True
    return False if _WORSE_DOWN.search(name) else None


def anomalies(
    series: Mapping[str, Sequence[Point]],
    detector: Callable[[], Detector],
    *,
    threshold: float = THRESHOLD,
    directions: Mapping[str, bool | None] | None = None,
) -> tuple[Anomaly, ...]:
    """Find the odd points of every series, in the order of time; `directions` overrides what names tell."""
    found = []
    for metric, points in series.items():
        worse = (directions or {}).get(metric, worse_when_rising(metric))
        found += _Scan(metric, points, detector, threshold, worse=worse).run()
    return tuple(sorted(found, key=lambda anomaly: (anomaly.point.at, anomaly.metric)))


class _Scan:
    """One pass over one series."""

    def __init__(
        self,
        metric: str,
        points: Sequence[Point],
        detector: Callable[[], Detector],
        threshold: float,
        *,
        worse: bool | None,
    ) -> None:
        self._metric = metric
        self._points = points
        self._new_detector = detector
        self._threshold = threshold
        self._worse_when_rising = worse
        self._values = np.array([point.value for point in points])
        # Latencies and the like have a long tail to one side, which in logarithms is none.
        logarithmic = _skewed(self._values)
        self._scale = np.log(self._values) if logarithmic else self._values
        self._season = season_of(np.array([point.at for point in points]), self._scale)
        if self._season is not None:
            # What is usual at this time of the day is taken away; the rest is judged.
            self._scale = self._scale - self._season.usual
            self._values = np.exp(self._scale) if logarithmic else self._scale
        self._found: list[Anomaly] = []
        self._memory = 1.0

    def run(self) -> list[Anomaly]:
        self._start_at(())
        run: list[int] = []
        for place in range(len(self._points)):
            score = self._score(place)
            if score is None or abs(score) < self._limit() or self._is_usual(place):
                run = []
                self._met.append(place)
                self._take(place)
                continue
            self._met.append(place)
            if run and (self._scale[run[-1]] > self._centre()) != (score > 0):
                run = []
            run.append(place)
            self._add(place, Kind.SPIKE, score)
            if len(run) == RUN:
                self._found[-RUN:] = [self._named(each, Kind.LEVEL_SHIFT) for each in self._found[-RUN:]]
                self._start_at(run)
                run = []
        return self._found

    def _start_at(self, places: Sequence[int]) -> None:
        """Learn the level anew, from these values on."""
        self._known = list(places)
        self._met = list(places)
        self._detector = self._new_detector()
        self._unit: tuple[float, float] | None = None

    def _take(self, place: int) -> None:
        """An ordinary value: part of what the next is held against, and of the cumulative sum."""
        self._known.append(place)
        if len(self._known) < LEVEL:
            return
        new = [place]
        if self._unit is None:
            self._unit, new = (self._centre(), self._deviation()), self._known
            self._memory = _memory(self._scale[self._known])
        centre, deviation = self._unit
        scores = np.clip((self._scale[new] - centre) / deviation, -_CLIPPED, _CLIPPED) / self._memory
        if any(self._detector.changed(float(score)) for score in scores):
            recent = self._scale[self._known[-WINDOW:]]
            kind, onset = _shape(recent)
            self._add(place, kind, float((np.median(recent[onset:]) - np.median(recent[:onset])) / deviation))
            self._start_at(self._known[-WINDOW:][onset:])

    def _score(self, place: int) -> float | None:
        if len(self._known) < LEAST:
            return None
        return float((self._scale[place] - self._centre()) / self._deviation())

    def _limit(self) -> float:
        """The threshold, wider while the band is known from few values only."""
        return self._threshold * (1 + _FEW / min(len(self._known), WINDOW))

    def _is_usual(self, place: int) -> bool:
        """Whether a series that mostly stands still has moved as far before, often enough."""
        away = np.abs(self._scale[self._met] - self._centre())
        if np.median(away) > 0:
            return False
        return int((away >= abs(self._scale[place] - self._centre())).sum()) >= _OFTEN

    def _centre(self) -> float:
        return float(np.median(self._scale[self._known[-WINDOW:]]))

    def _deviation(self) -> float:
        recent = self._scale[self._known[-WINDOW:]]
        centre = np.median(recent)
        spread = float(np.median(np.abs(recent - centre))) * _NORMAL
        # More than half of the values equal: the median absolute deviation says 0 of a series that does move. Then the
        # odd ones count too, or rare events would be odd for ever.
        return max(
            spread, float(self._scale[self._met].std()) if spread == 0 else 0.0, _LEAST_SHARE * abs(float(centre)), 1e-9
        )

    def _add(self, place: int, kind: Kind, score: float) -> None:
        point, level = self._points[place], float(np.median(self._values[self._known[-WINDOW:]]))
        rises = score > 0
        against = (
            f"{self._values[place]:.4g} against {level:.4g}, the median of the {min(len(self._known), WINDOW)} before"
        )
        if self._season is not None:
            against += f", less what is usual at its time in a period of {self._season.period:.4g} points"
        told = {
            Kind.SPIKE: f"{against}: {abs(score):.1f} > {self._limit():.1f} robust standard deviations",
            Kind.TREND: f"a line fits the latest values better than a step; {score:+.1f} standard deviations so far",
            Kind.LEVEL_SHIFT: f"the cumulative sum left its band; the level moved by {score:+.1f} standard deviations",
        }
        worse = None if self._worse_when_rising is None else rises == self._worse_when_rising
        self._found.append(
            Anomaly(
                metric=self._metric, point=point, kind=kind, rises=rises, score=score, worse=worse,
                reason=f"{self._metric} {kind}: {told[kind]}",
            )
        )  # fmt: skip

    def _named(self, anomaly: Anomaly, kind: Kind) -> Anomaly:
        told = anomaly.reason.removeprefix(f"{self._metric} {anomaly.kind}: ")
        return Anomaly(
            metric=anomaly.metric, point=anomaly.point, kind=kind, rises=anomaly.rises, score=anomaly.score,
            worse=anomaly.worse, reason=f"{self._metric} {kind}: {told}, {RUN} in a row",
        )  # fmt: skip


def _skewed(values: NDArray[np.float64]) -> bool:
    """Whether positive values reach clearly further above their median than below it, in most windows of their time.

    Window by window: a level that rose for good makes no tail.
    """
    if len(values) < LEAST or values.min() <= 0:
        return False
    windows = np.array_split(values, max(1, len(values) // WINDOW))
    low, middle, high = (np.array([np.quantile(window, share) for window in windows]) for share in (0.1, 0.5, 0.9))
    return bool(np.median((high - middle) - _SKEWED * (middle - low)) > 0)


def _memory(values: NDArray[np.float64]) -> float:
    """By how much a sum of values strays further than one of independent values would: sqrt((1 + r) / (1 - r)).

    `r` is the correlation of neighbours (Box, Jenkins and Reinsel, ch. 2: the variance of a mean of an AR(1) series).
    """
    rest = values - values.mean()
    total = float((rest**2).sum())
    r = float((rest[1:] * rest[:-1]).sum()) / total if total > 0 else 0.0
    r = min(max(r, 0.0), _MOST_MEMORY)
    return float(np.sqrt((1 + r) / (1 - r)))


def _shape(values: NDArray[np.float64]) -> tuple[Kind, int]:
    """A step, or a line that begins somewhere: whichever leaves less over (least squares); and where it begins."""
    places = np.arange(len(values), dtype=np.float64)
    found: list[tuple[float, Kind, int]] = []
    for onset in range(RUN, len(values) - 1):
        for kind, rise in (
            (Kind.LEVEL_SHIFT, (places >= onset).astype(np.float64)),
            (Kind.TREND, np.maximum(0.0, places - onset)),
        ):
            basis = np.column_stack([np.ones_like(places), rise])
            weights = np.linalg.lstsq(basis, values)[0]
            found.append((float(((values - basis @ weights) ** 2).sum()), kind, onset))
    _, kind, onset = min(found)
    return kind, onset
