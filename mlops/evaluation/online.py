"""What live traffic says of a version: the metrics of its requests, and of what users did with its answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlops.evaluation.results import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.monitoring.traffic_log import ServedRequest

_RANKING = ("ndcg@10", "mrr@10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric's value, None for "0 of 0", and how many requests or answers it stands on."""

    value: float | None
    samples: int


def figure(metric: str, rows: Sequence[ServedRequest]) -> Figure | None:
    """Measure one metric of the catalogue over `rows`, which are of one version; None for one not measured here.

    `error-rate` counts requests, `empty-rate` and `ctr` answers, latencies are those of answered requests in ms.
    `ndcg@10` and `mrr@10` take what was clicked or cooked for relevant, over the answers of which anything was.
    """
    if metric == "error-rate":
        return _share([row.failed for row in rows])
    if metric == "empty-rate":
        return _share([not hits for row in rows for hits in row.hits])
    if metric == "ctr":
        return _share([followed for row in rows for followed in row.followed])
    if metric in PERCENTILES:
        latencies = [row.latency_ms for row in rows if not row.failed]
        value = float(np.percentile(latencies, PERCENTILES[metric])) if latencies else None
        return Figure(value=value, samples=len(latencies))
    return _ranked(metric, rows) if metric in _RANKING else None


def _share(outcomes: Sequence[bool]) -> Figure:
    return Figure(value=sum(outcomes) / len(outcomes) if outcomes else None, samples=len(outcomes))


def _ranked(metric: str, rows: Sequence[ServedRequest]) -> Figure:
    from mlops.evaluation.ranking import ranking_values  # noqa: PLC0415 - who serves starts without ir_measures

    shown, wanted = {}, {}
    for row in rows:
        liked = (clicked | cooked for clicked, cooked in zip(row.clicked, row.cooked, strict=True))
        for each, hits, relevant in zip(row.recommendation_ids, row.hits, liked, strict=True):
            if relevant:
                shown[each], wanted[each] = hits, dict.fromkeys(relevant, 1)
    values = [value[metric] for value in ranking_values(shown, wanted).values()] if shown else []
    return Figure(value=sum(values) / len(values) if values else None, samples=len(values))
