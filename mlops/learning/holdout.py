"""How a ranking does on feedback that it has not seen.

Only recipes that users were shown can be judged, so only they are ranked, by both versions: of the rest nobody knows
whether they would have been liked (condensed lists, Sakai 2007). The gains are the estimates in twentieths, corrected
for position. A question in several wordings counts once, by its mean.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

from mlops.evaluation.ranking import ranking_values
from mlops.learning.tree_training import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlops.learning.judgements import Judgement
    from mlops.learning.learner import Learned
    from mlops.learning.questions import Question

METRIC = "ndcg@10"
# With fewer recipes, or all of them chosen, every order is as good.
LEAST_SHOWN = 2


def values(
    asked: Iterable[tuple[Question, Mapping[int, Judgement]]],
    order: Callable[[Question], NDArray[np.intp]],
) -> dict[str, float]:
    """NDCG@10 by meaning; questions without a choice, or with nothing to choose from, are left out."""
    rankings: dict[str, Sequence[str]] = {}
    grades: dict[str, dict[str, int]] = {}
    meanings: dict[str, str] = {}
    for number, (question, judged) in enumerate(asked):
        gains = {str(document): round(each.estimate * STEPS) for document, each in judged.items()}
        if len(gains) < LEAST_SHOWN or not any(gains.values()):
            continue
        found = [str(document) for document in order(question) if int(document) in judged]
        qid = str(number)
        # What a version does not find at all stands last; judged documents are few.
        rankings[qid] = [*found, *sorted(set(gains) - set(found))]
        grades[qid] = gains
        meanings[qid] = question.meaning
    if not rankings:
        return {}
    by_meaning: dict[str, list[float]] = defaultdict(list)
    for qid, measured in ranking_values(rankings, grades).items():
        by_meaning[meanings[qid]].append(measured[METRIC])
    return {meaning: fmean(measured) for meaning, measured in sorted(by_meaning.items())}


def learned_order(learned: Learned, vectors: NDArray[np.float32]) -> Callable[[Question], NDArray[np.intp]]:
    """The order that `learned` gives a question."""

    def order(question: Question) -> NDArray[np.intp]:
        adapted = question.adapted(vectors, learned.ranking.adapter)
        return learned.ranking.rerank(adapted.seen, adapted.fused)[0].documents

    return order
