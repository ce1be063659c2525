"""What an evaluation and a replay do, in a process or in a pod: both versions are asked the same, and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from controller.actions import StartEvaluation, StartReplay
from controller.observation import Sample, Slice
from controller.resource.codec import codec
from mlops.artifact import layout
from mlops.artifact.loader import load_model
from mlops.drift.corpus import corpus_shifts
from mlops.errors import Permanent
from mlops.evaluation import contrast, evaluate, read_qrels, read_queries
from mlops.evaluation.keeping import keep
from mlops.evaluation.replayed import alone, compared, replay
from mlops.evaluation.results import PERCENTILES
from mlops.judgement import decimal_of
from mlops.recipe import Recipe
from mlops.retrieval.rows import Rows
from mlops.training import evaluation_set, known_items

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from controller.resource.gate import Gate
    from mlops.evaluation import EvaluationReport, Qrels, Query
    from mlops.evaluation.contrast import Part
    from mlops.evaluation.replayed import Pair
    from mlops.recommendation import Ask, ServedModel
    from mlops.translation.translator import Translator

_Judged: TypeAlias = "tuple[Sequence[Query], Qrels]"

_LONGEST_NAME = 40  # of a part: kinds of queries have the names that somebody gave them
_DRIFT = "data-drift"
# Of so many recipes that both versions have one can ask both; fewer are no sample of either.
_LEAST_SHARED = 50
_SEED = 0  # the same questions in every run, so that two runs of one job find the same


@dataclass(frozen=True, slots=True)
class Contender:
    """A version with the recipes that it answers from, and what they look like: its reference profile."""

    model: ServedModel
    rows: Rows
    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of an evaluation: its files, the digest of what was asked and judged, and what the files are."""

    folder: Path
    dataset: str
    told: str


class Judge:
    """Answers one StartEvaluation or StartReplay. `recent` returns up to so many of the latest real queries."""

    def __init__(
        self,
        asked: StartEvaluation | StartReplay,
        translator: Translator,
        recent: Callable[[int], Sequence[Ask]],
        timer: Callable[[], float],
    ) -> None:
        self._reports: tuple[EvaluationReport, EvaluationReport | None] | None = None
        self._asked = asked
        self._translator = translator
        self._recent = recent
        self._timer = timer

    def judge(self, folder: Path, baseline_folder: Path | None) -> Mapping[str, Any]:
        """The samples of the gates, and the digest that was judged. Raises what loading and evaluating raise."""
        candidate = self._open(folder)
        baseline = None if baseline_folder is None else self._open(baseline_folder)
        match self._asked:
            case StartEvaluation():
                samples = self._evaluated(self._asked, candidate, baseline)
            case StartReplay() if baseline is not None:
                samples = self._replayed(self._asked, candidate, baseline)
            case _:
                raise Permanent(f"{self._asked.name} has no version to compare with")
        return {"digest": candidate.model.digest, "samples": [codec(Sample).dump(sample) for sample in samples]}

    def keep(self, folder: Path) -> Kept | None:
        """Leave the reports of what was judged, pictures and a page in the new `folder`; None after a replay."""
        if self._reports is None:
            return None
        report, compared = self._reports
        return Kept(folder=folder, dataset=report.dataset, told=keep(folder, report, compared))

    def _open(self, folder: Path) -> Contender:
        model = load_model(folder, translator=self._translator)
        return Contender(model, Rows.load(folder), orjson.loads((folder / layout.PROFILE).read_bytes()))

    def _evaluated(self, asked: StartEvaluation, candidate: Contender, baseline: Contender | None) -> list[Sample]:
        ours, theirs = _datasets(asked.dataset, candidate, baseline)
        report = self._report(candidate, *ours)
        compared = None if baseline is None else self._report(baseline, *theirs)
        self._reports = report, compared
        shift = None if baseline is None else _corpus_shift(candidate, baseline)
        return [shift if shift and gate.metric == _DRIFT else _sample(gate, report, compared) for gate in asked.gates]

    def _report(self, contender: Contender, queries: Sequence[Query], qrels: Qrels) -> EvaluationReport:
        return evaluate(
            contender.model.recommender,
            queries,
            qrels,
            language="en",
            clock=self._timer,
            progress=lambda _done, _total: None,
            corpus=contender.rows.ids(),
        )

    def _replayed(self, asked: StartReplay, candidate: Contender, baseline: Contender) -> list[Sample]:
        asks = self._recent(asked.queries)
        pairs = replay(candidate.model.recommender, baseline.model.recommender, asks, self._timer)
        return [_compared(gate.metric, pairs) for gate in asked.gates]


def _datasets(name: str, candidate: Contender, baseline: Contender | None) -> tuple[_Judged, _Judged]:
    """The judged queries for each: those of a folder where one is named, else what belongs to the recipes of both.

    Where they share next to none, as when the sample gives way to one's own recipes, each is asked for its own.
    """
    if name != "default":
        given = read_queries(Path(name) / "queries.jsonl"), read_qrels(Path(name) / "qrels.tsv")
        return given, given
    ours = _recipes(candidate)
    if baseline is None:
        judged = evaluation_set(ours, _SEED)
        return judged, judged
    ids = set(baseline.rows.ids())
    shared = [recipe for recipe in ours if recipe.id in ids]
    if len(shared) < min(_LEAST_SHARED, len(ours), len(ids)):
        return known_items(ours, _SEED), known_items(_recipes(baseline), _SEED)
    judged = evaluation_set(shared, _SEED)
    return judged, judged


def _recipes(contender: Contender) -> list[Recipe]:
    """In the order of their ids, whatever that of the artefact."""
    rows = (contender.rows[document] for document in range(len(contender.rows)))
    return sorted((Recipe.from_row(row) for row in rows), key=lambda recipe: recipe.id)


def _corpus_shift(candidate: Contender, baseline: Contender) -> Sample:
    """How far the recipes of a version are from those of production: by the feature that shifted most."""
    shifts = corpus_shifts(baseline.profile, candidate.profile)
    recipes = min(candidate.profile["recipes"], baseline.profile["recipes"])
    return Sample(metric=_DRIFT, value=_decimal(shifts[0].index) if shifts else None, samples=recipes)


def _sample(gate: Gate, report: EvaluationReport, baseline: EvaluationReport | None) -> Sample:
    found = Sample(metric=gate.metric, value=_decimal(_value(gate.metric, report)), samples=report.n)
    given = None if baseline is None else _value(gate.metric, baseline)
    if baseline is None or given is None:
        return found
    between = contrast.difference if report.dataset == baseline.dataset else contrast.apart
    interval = between(gate.metric, report, baseline) if gate.comparative else None
    parts = contrast.lost(gate.metric, report, baseline, rises=gate.rises) if gate.max_slice_loss is not None else ()
    return replace(
        found,
        baseline=_decimal(given),
        low=None if interval is None else _decimal(given + interval.low),
        high=None if interval is None else _decimal(given + interval.high),
        slices=tuple(_slice(part, rises=gate.rises) for part in parts),
    )


def _slice(part: Part, *, rises: bool) -> Slice:
    best = part.interval.high if rises else part.interval.low
    value, baseline, end = (decimal_of(number) for number in (part.value, part.baseline, part.baseline + best))
    return Slice(name=part.name[:_LONGEST_NAME], value=value, baseline=baseline, best=end, samples=part.queries)


def _value(metric: str, report: EvaluationReport) -> float | None:
    if metric in PERCENTILES:
        return float(np.percentile(list(report.per_query("latency-ms").values()), PERCENTILES[metric]))
    return report.metrics().get(metric)


def _compared(metric: str, pairs: Sequence[Pair]) -> Sample:
    found, of_baseline = compared(metric, pairs), None
    if found is None:
        found = alone(metric, [pair.candidate for pair in pairs])
        of_baseline = alone(metric, [pair.baseline for pair in pairs])
    return Sample(
        metric=metric,
        value=_decimal(found.value if found else None),
        baseline=_decimal(of_baseline.value if of_baseline else None),
        samples=found.samples if found else 0,
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else decimal_of(value)
