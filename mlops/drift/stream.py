"""When did it change? The stream of queries, one at a time, through windows that adapt. Pure.

Comparing windows says whether two days differ; this says from which query on, also where it was within a day. What is
watched is how long queries are, how many are Spanish, and where their meaning lies along the axes in which that of the
reference differs most (its first principal components). A value counts by its rank among the reference's, so that one
threshold serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlops.drift.features import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from mlops.drift.encoding import Encode
    from mlops.drift.windows import QueryEvent, Window

DELTA = 1e-4  # of one feature: streams of some thousand queries are looked at every eighth query
LEAST = 50  # queries of a new level, before it is one
LEARNED = 1_000  # queries whose meaning says along which axes the reference differs most
AXES = 5
MOST = 2_000  # queries of either side: of more, every so manieth, since each must be encoded


class Detector(Protocol):
    """Finds changes of a mean in values between 0 and 1."""

    def changed(self, value: float) -> bool:
        """Take a value; True where the mean has changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From a query on, of this number and time, the mean of a feature was another one."""

    feature: str
    place: int
    at: datetime | None
    before: float
    now: float

    def document(self) -> dict[str, object]:
        """The change as JSON."""
        at = self.at.isoformat() if self.at else None
        return {
            "feature": self.feature,
            "query": self.place,
            "at": at,
            "before": self.before,
            "now": self.now,
            "reason": self.told,
        }

    @property
    def told(self) -> str:
        """The change in words."""
        when = f"{self.at:%Y-%m-%d %H:%M}" if self.at else f"query {self.place} of the current ones"
        return f"{self.feature} {self.before:.3g} until {when}, {self.now:.3g} since"


def changes(
    reference: Window,
    current: Window,
    detector: Callable[[float], Detector],
    *,
    encode: Encode | None,
    detect: Callable[[str], str] | None = None,
) -> tuple[Change, ...]:
    """What changed for good in the queries of `current` after those of `reference`, in the order of their times.

    `detector` makes one of a chance of false alarms. Queries without a time stand where the file has them. Fewer
    than LEAST on either side tell nothing.
    """
    if min(len(reference.events), len(current.events)) < LEAST:
        return ()
    stride = _stride(current)
    before = reference.events[:: _stride(reference)]
    events, start = [*before, *_in_order(current.events)[::stride]], len(before)
    found = []
    for feature, values in _features(events, start, encode, detect).items():
        cut = _change(_ranks(values, values[:start]), detector(DELTA), start)
        if cut is not None:
            left, right = (round(float(part.mean()), 4) + 0.0 for part in (values[:cut], values[cut:]))
            place = (cut - start) * stride
            found.append(Change(feature=feature, place=place, at=events[cut].at, before=left, now=right))
    return tuple(sorted(found, key=lambda change: change.place))


def _stride(window: Window) -> int:
    return -(-len(window.events) // MOST)


def _in_order(events: Sequence[QueryEvent]) -> list[QueryEvent]:
    if any(event.at is None for event in events):
        return list(events)
    return sorted(events, key=lambda event: event.at.timestamp() if event.at else 0.0)


def _features(
    events: Sequence[QueryEvent], start: int, encode: Encode | None, detect: Callable[[str], str] | None
) -> Mapping[str, NDArray[np.float64]]:
    found = {
        "words in a query": np.array([len(event.query.split()) for event in events], dtype=np.float64),
        "share of Spanish": np.array([language_of(event, detect) == "es" for event in events], dtype=np.float64),
    }
    if encode is not None:
        distinct = {text: place for place, text in enumerate(dict.fromkeys(event.query for event in events))}
        vectors = encode(list(distinct))[[distinct[event.query] for event in events]]
        learned = vectors[: min(start, LEARNED)]
        centre = learned.mean(axis=0)
        axes = np.linalg.svd(learned - centre, full_matrices=False)[2][:AXES]
        along = ((vectors - centre) @ axes.T).astype(np.float64)
        found |= {f"meaning, axis {number}": values for number, values in enumerate(along.T, start=1)}
    return found


def _ranks(values: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the reference that is below a value, ties being half."""
    known = np.sort(reference)
    ranks: NDArray[np.float64] = (np.searchsorted(known, values) + np.searchsorted(known, values, "right")) / (
        2 * len(known)
    )
    return ranks


def _change(ranks: NDArray[np.float64], detector: Detector, start: int) -> int | None:
    """Where the present level began, where one was found after `start` and goes on; None otherwise.

    The window drops whole buckets, so it says that there was a change better than where. That says the place which
    divides the values best into two of different means (least squares).
    """
    found = [place for place, rank in enumerate(ranks.tolist()) if detector.changed(rank) and place >= start]
    if not found:
        return None
    sums, counts = np.cumsum(ranks), np.arange(1, len(ranks) + 1)
    places = np.arange(start, len(ranks) - LEAST + 1)
    apart = (sums[places - 1] - counts[places - 1] * sums[-1] / len(ranks)) ** 2
    return int(places[np.argmax(apart / (places * (len(ranks) - places)))])
