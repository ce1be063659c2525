"""Ranking metrics of judged queries. The only importer of ir_measures, which does the arithmetic.

| name | measure of ir_measures | definition |
|---|---|---|
| ndcg@10 | nDCG@10 | trec_eval's: the gain is the grade itself (not 2^grade - 1), the discount log2(rank + 1) |
| mrr@10 | RR@10 | 1 / rank of the first document of grade >= 1, 0 when none is among ten |
| recall@10, recall@100 | R@10, R@100 | share of the documents of grade >= 1 that are among the first ten, hundred |
| map | AP@100 | mean of the precision at each relevant rank up to 100, over all relevant documents |
| precision@10 | P@10 | share of ten places that hold a document of grade >= 1; a short answer leaves places empty |

The value of a set of queries is the mean over its queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ir_measures
from ir_measures import AP, RR, P, R, nDCG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.evaluation.dataset import Qrels

_MEASURES = {
    nDCG @ 10: "ndcg@10",
    RR @ 10: "mrr@10",
    R @ 10: "recall@10",
    R @ 100: "recall@100",
    AP @ 100: "map",
    P @ 10: "precision@10",
}


def ranking_values(rankings: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, dict[str, float]]:
    """Return the metrics of every query of `rankings`: qid -> name -> value in 0..1.

    A ranking lists document ids, best first. Every qid must be judged in `qrels`; an empty ranking scores 0.
    """
    judged = {qid: dict(qrels[qid]) for qid in rankings}
    run = {qid: _descending(ranking) for qid, ranking in rankings.items()}
    values: dict[str, dict[str, float]] = {qid: {} for qid in rankings}
    for metric in ir_measures.iter_calc(list(_MEASURES), judged, run):
        values[metric.query_id][_MEASURES[metric.measure]] = float(metric.value)
    return values


def _descending(ranking: Sequence[str]) -> dict[str, float]:
    """The ranking as trec_eval wants it: a score for each document.

    Scores are places, not the model's own: trec_eval would reorder equal ones by document id. A document that comes a
    second time earns nothing and still takes its place.
    """
    run: dict[str, float] = {}
    for place, document in enumerate(ranking):
        name = document if document not in run else f"{document} again at {place}"
        run[name] = float(len(ranking) - place)
    return run
