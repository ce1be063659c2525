"""What an evaluation and a replay do in their process: both versions are asked the same, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.actions import StartEvaluation, StartReplay, from_dict
from controller.observation import Sample
from controller.resource.codec import codec
from mlops.artifact.loader import load_model
from mlops.errors import Permanent
from mlops.evaluation import evaluate, read_qrels, read_queries
from mlops.recipe import Recipe
from mlops.retrieval.rows import Rows
from mlops.training import evaluation_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlops.embedded.job_table import Job
    from mlops.embedded.recent_queries import RecentQueries
    from mlops.evaluation import EvaluationReport, Qrels, Query
    from mlops.recommendation import ServedModel
    from mlops.translation.translator import Translator

_SEED = 0  # the same questions in every run, so that two runs of one job find the same


@dataclass(frozen=True, slots=True)
class Contender:
    """A version with the recipes that it answers from."""

    model: ServedModel
    rows: Rows


class JudgingJob:
    """Answers one StartEvaluation or StartReplay."""

    def __init__(self, job: Job, translator: Translator, queries: RecentQueries, timer: Callable[[], float]) -> None:
        self._job = job
        self._translator = translator
        self._queries = queries
        self._timer = timer

    def run(self) -> Mapping[str, Any]:
        """The samples of the gates, and the digest that was judged. Raises what loading and evaluating raise."""
        asked = from_dict(self._job.spec["ask"])
        candidate = self._open(self._job.spec["folder"])
        folder = self._job.spec.get("baseline_folder")
        baseline = None if folder is None else self._open(folder)
        match asked:
            case StartEvaluation():
                samples = self._evaluated(asked, candidate, baseline)
            case StartReplay() if baseline is not None:
                samples = self._replayed(asked, candidate, baseline)
            case _:
                raise Permanent(f"{self._job.name} asks for nothing that can be judged")
        return {"digest": candidate.model.digest, "samples": [codec(Sample).dump(sample) for sample in samples]}

    def _open(self, folder: str) -> Contender:
        path = Path(folder)
        return Contender(load_model(path, translator=self._translator), Rows.load(path))

    def _evaluated(self, asked: StartEvaluation, candidate: Contender, baseline: Contender | None) -> list[Sample]:
        queries, qrels = _dataset(asked.dataset, candidate, baseline)
        report = self._report(candidate, queries, qrels)
        compared = None if baseline is None else self._report(baseline, queries, qrels)
        return [_sample(gate.metric, report, compared) for gate in asked.gates]

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
        raise NotImplementedError


def _dataset(name: str, candidate: Contender, baseline: Contender | None) -> tuple[Sequence[Query], Qrels]:
    """The judged queries: those of a folder where one is named, else what belongs to the recipes of both versions."""
    if name != "default":
        return read_queries(Path(name) / "queries.jsonl"), read_qrels(Path(name) / "qrels.tsv")
    recipes = {row["id"]: Recipe.from_row(row) for row in _rows(candidate.rows)}
    if baseline is not None:
        recipes = {each: recipe for each, recipe in recipes.items() if each in set(baseline.rows.ids())}
    return evaluation_set([recipes[each] for each in sorted(recipes)], _SEED)


def _rows(rows: Rows) -> list[dict[str, Any]]:
    return [rows[document] for document in range(len(rows))]


def _sample(metric: str, report: EvaluationReport, baseline: EvaluationReport | None) -> Sample:
    value = _value(metric, report)
    of_baseline = None if baseline is None else _value(metric, baseline)
    return Sample(metric=metric, value=value, baseline=of_baseline, samples=report.n)


def _value(metric: str, report: EvaluationReport) -> Decimal | None:
    value = report.metrics().get(metric)
    return None if value is None else Decimal(str(value))
