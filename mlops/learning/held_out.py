"""Trainings that each leave one fold out, judged on the queries of that fold: a task for an engine."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from mlops.learning import holdout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlops.learning.learner import Judged, Learner

HELD_OUT, LATER = "held_out", "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldFound:
    """What one fold came to: NDCG@10 by meaning, of the candidate and of production, by what was asked when.

    `curve` is NDCG@10 on the fold after each tree; empty where nothing could be learned.
    """

    now: Mapping[str, Mapping[str, float]]
    before: Mapping[str, Mapping[str, float]]
    curve: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """The task: `learner` trains on early sessions, `whole` and `later` are judged; an item is a fold's number."""

    learner: Learner
    vectors: NDArray[np.float32]
    whole: Sequence[Judged]
    later: Sequence[Judged]

    def open(self) -> Callable[[int], FoldFound]:
        """See `mlops.engines.port`."""
        return self._fold

    def _fold(self, fold: int) -> FoldFound:
        learned = self.learner.learn(without=fold)
        if learned is None:
            return FoldFound(now={}, before={})
        order = holdout.learned_order(learned, self.vectors)
        now, before = {}, {}
        for name, judged in ((HELD_OUT, self.whole), (LATER, self.later)):
            asked = [(each.question, each.judgements) for each in judged if each.fold == fold]
            now[name] = holdout.values(asked, order)
            before[name] = holdout.values(asked, lambda question: question.order)
        return FoldFound(now=now, before=before, curve=learned.grown.held_out_curve)


def mean_curve(curves: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The mean over the folds, tree by tree; folds that learned nothing are left out."""
    there = [curve for curve in curves if curve]
    return tuple(fmean(values) for values in zip(*there, strict=True))
