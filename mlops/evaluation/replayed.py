"""The replay: recent real queries asked of two versions, and how their answers compare.

The queries were asked by people, so nobody knows what is right: what is measured is agreement, failure and time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import kendalltau

from mlops.evaluation.online import Figure
from mlops.evaluation.results import PERCENTILES, TOP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.recommendation import Ask, Recommends

_LEAST = 2  # of one common answer no order is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one version made of one query; `hits` are the ids of its first ten, none where it failed."""

    hits: tuple[str, ...]
    failed: bool
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One query, answered by both."""

    candidate: Reply
    baseline: Reply


def replay(
    candidate: Recommends, baseline: Recommends, asks: Sequence[Ask], timer: Callable[[], float]
) -> tuple[Pair, ...]:
    """Ask both every question in turn, each first in every other one; `timer` returns seconds.

    One that raises has failed, whatever it raised: users would have been answered with an error.
    """
    pairs = []
    for number, ask in enumerate(asks):
        if number % 2:
            before, after = _reply(baseline, ask, timer), _reply(candidate, ask, timer)
            pairs.append(Pair(candidate=after, baseline=before))
        else:
            pairs.append(Pair(candidate=_reply(candidate, ask, timer), baseline=_reply(baseline, ask, timer)))
    return tuple(pairs)


def compared(metric: str, pairs: Sequence[Pair]) -> Figure | None:
    """A metric of both versions together (`overlap@10`, `rank-correlation`); None for any other."""
    both = [pair for pair in pairs if not (pair.candidate.failed or pair.baseline.failed)]
    match metric:
        case "overlap@10":
            return _mean([_overlap(pair) for pair in both])
        case "rank-correlation":
            return _mean([tau for pair in both if (tau := _correlation(pair)) is not None])
        case _:
            return None


def alone(metric: str, replies: Sequence[Reply]) -> Figure | None:
    """A metric of one version's replies (`error-rate`, `empty-rate`, latencies in ms); None for any other."""
    if metric in PERCENTILES:
        latencies = [reply.latency_ms for reply in replies if not reply.failed]
        value = float(np.percentile(latencies, PERCENTILES[metric])) if latencies else None
        return Figure(value=value, samples=len(latencies))
    match metric:
        case "error-rate":
            return _mean([float(reply.failed) for reply in replies])
        case "empty-rate":
            return _mean([float(not reply.hits) for reply in replies if not reply.failed])
        case _:
            return None


def _reply(version: Recommends, ask: Ask, timer: Callable[[], float]) -> Reply:
    began = timer()
    try:
        hits = tuple(hit.id for hit in version.recommend(ask).hits[:TOP])
        failed = False
    except Exception:  # noqa: BLE001 - see `replay`
        hits, failed = (), True
    return Reply(hits=hits, failed=failed, latency_ms=(timer() - began) * 1000)


def _overlap(pair: Pair) -> float:
    """Share of the longer answer that both hold; two empty answers agree."""
    longest = max(len(pair.candidate.hits), len(pair.baseline.hits))
    return len(set(pair.candidate.hits) & set(pair.baseline.hits)) / longest if longest else 1.0


def _correlation(pair: Pair) -> float | None:
    """Kendall's tau-b between the ranks of the recipes that both answer; None where that is no ranking."""
    common = [each for each in pair.candidate.hits if each in set(pair.baseline.hits)]
    if len(common) < _LEAST:
        return None
    return float(kendalltau(range(len(common)), [pair.baseline.hits.index(each) for each in common]).statistic)


def _mean(values: Sequence[float]) -> Figure:
    return Figure(value=sum(values) / len(values) if values else None, samples=len(values))
