"""The newest requests of each version, with what users did with the answers: what a canary is judged by on a laptop.

A cluster has Prometheus and the feedback files for it; this holds the same facts in memory, row by row.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Ids kept of each answer: what ranking metrics look at.
DEPTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRequest:
    """One request that a version answered, or failed to. What is a tuple of several has one entry for each answer.

    `at` is when it ended (Unix seconds). `hits` are the ids of the first ten recipes, best first, and `top_scores` the
    scores of the first, None where nothing was found. `clicked` and `cooked` are those of `hits` that feedback named,
    `followed_at` is when the latest of it came. `user` is a hash. A failed request has no answers.
    """

    at: float
    version: str
    failed: bool
    latency_ms: float
    recommendation_ids: tuple[str, ...] = ()
    hits: tuple[tuple[str, ...], ...] = ()
    top_scores: tuple[float | None, ...] = ()
    clicked: tuple[frozenset[str], ...] = ()
    cooked: tuple[frozenset[str], ...] = ()
    followed_at: float | None = None
    user: str | None = None

    @property
    def answers(self) -> int:
        """How many queries were answered."""
        return len(self.recommendation_ids)

    @property
    def followed(self) -> tuple[bool, ...]:
        """For each answer, whether a recipe among its first ten was clicked or cooked."""
        return tuple(bool(clicked or cooked) for clicked, cooked in zip(self.clicked, self.cooked, strict=True))


@dataclass(slots=True)
class _Version:
    """Rows by number, oldest first, and how many answers they hold; a failure takes the place of one."""

    rows: OrderedDict[int, ServedRequest]
    answers: int = 0


class TrafficLog:
    """Keeps the newest `limit` answers of each of the `versions` that were last heard of. Safe from any thread.

    An answer takes 1 to 2 KB. What does not fit drops out, oldest first.
    """

    def __init__(self, limit: int = 20_000, *, versions: int = 4) -> None:
        self._limit = limit
        self._most = versions
        self._lock = Lock()
        self._number = 0
        self._versions: OrderedDict[str, _Version] = OrderedDict()
        self._places: dict[str, tuple[str, int, int]] = {}

    def record(self, request: ServedRequest) -> None:
        """Keep `request`."""
        nobody = (frozenset[str](),) * request.answers
        with self._lock:
            self._number += 1
            kept = self._versions.setdefault(request.version, _Version(OrderedDict()))
            self._versions.move_to_end(request.version)
            kept.rows[self._number] = replace(request, clicked=nobody, cooked=nobody, followed_at=None)
            kept.answers += _places(request)
            for place, recommendation_id in enumerate(request.recommendation_ids):
                self._places[recommendation_id] = (request.version, self._number, place)
            while kept.answers > self._limit and len(kept.rows) > 1:
                _, oldest = kept.rows.popitem(last=False)
                kept.answers -= _places(oldest)
                self._forget((oldest,))
            if len(self._versions) > self._most:
                _, gone = self._versions.popitem(last=False)
                self._forget(gone.rows.values())

    def since(self, version: str, at: float) -> tuple[ServedRequest, ...]:
        """Return the requests of `version` that ended at `at` (Unix seconds) or later, in the order they ended."""
        with self._lock:
            kept = self._versions.get(version)
            rows = () if kept is None else tuple(kept.rows.values())
        return tuple(row for row in rows if row.at >= at)

    def feedback(self, recommendation_id: str, clicked: Iterable[str], cooked: Iterable[str], at: float) -> bool:
        """Note what a user did with an answer; return whether that answer is (still) known.

        Ids that were not among the answer's first ten do not count: a client may send any.
        """
        with self._lock:
            found = self._places.get(recommendation_id)
            if found is None:
                return False
            version, number, place = found
            rows = self._versions[version].rows
            row = rows[number]
            shown = frozenset(row.hits[place])
            more_clicked, more_cooked = shown.intersection(clicked), shown.intersection(cooked)
            rows[number] = replace(
                row,
                clicked=_joined(row.clicked, place, more_clicked),
                cooked=_joined(row.cooked, place, more_cooked),
                followed_at=at if more_clicked or more_cooked else row.followed_at,
            )
        return True

    def _forget(self, rows: Iterable[ServedRequest]) -> None:
        for row in rows:
            for recommendation_id in row.recommendation_ids:
                self._places.pop(recommendation_id, None)


def _places(request: ServedRequest) -> int:
    return max(1, request.answers)


def _joined(sets: tuple[frozenset[str], ...], place: int, more: frozenset[str]) -> tuple[frozenset[str], ...]:
    return (*sets[:place], sets[place] | more, *sets[place + 1 :])
