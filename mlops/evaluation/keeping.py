"""What is kept of an evaluation besides its verdict: both reports, pictures, and a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlops.errors import NotFound
from mlops.evaluation.page import write_page
from mlops.evaluation.plots import bars, histogram

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.evaluation.report import EvaluationReport

REPORT, BASELINE, PAGE = "report.json", "report_of_baseline.json", "page.html"
_DRAWN = ("ndcg@10", "mrr@10", "recall@10", "recall@100", "map", "precision@10")
_SLICED = "ndcg@10"
_LONGEST = 300


def keep(folder: Path, candidate: EvaluationReport, baseline: EvaluationReport | None) -> str:
    """Fill the new `folder`, and return what it holds, or why something is missing, in words.

    Whatever a library for pictures raises: a verdict does not hang on them.
    """
    folder.mkdir()
    (folder / REPORT).write_text(json.dumps(candidate.to_json(), indent=2) + "\n", encoding="utf-8")
    if baseline is not None:
        (folder / BASELINE).write_text(json.dumps(baseline.to_json(), indent=2) + "\n", encoding="utf-8")
    told = []
    for what, write in (("plots", _draw), ("page", _page)):
        try:
            write(folder, candidate, baseline)
            told.append(what)
        except NotFound as error:
            told.append(f"no {what}: {error.message}; {error.hint}")
        except Exception as error:  # noqa: BLE001 - as said above; it is told
            told.append(f"no {what}: {type(error).__name__}: {error}"[:_LONGEST])
    return "; ".join(told)


def _draw(folder: Path, candidate: EvaluationReport, baseline: EvaluationReport | None) -> None:
    ours, theirs = candidate.metrics(), {} if baseline is None else baseline.metrics()
    title = f"{candidate.n} queries"
    bars(folder / "metrics.png", title, {name: (ours[name], theirs.get(name)) for name in _DRAWN})
    parts = _parts(candidate)
    beside = {} if baseline is None else _parts(baseline)
    bars(
        folder / "slices.png", f"{_SLICED} by slice", {name: (value, beside.get(name)) for name, value in parts.items()}
    )
    for name, values in (("latency-ms", "latency.png"), (_SLICED, "ndcg.png")):
        spread = [] if baseline is None else [*baseline.per_query(name).values()]
        histogram(folder / values, f"{name} of {title}", [*candidate.per_query(name).values()], spread)


def _parts(report: EvaluationReport) -> dict[str, float]:
    """The sliced metric by `dimension = slice`."""
    found = report.to_json()["slices"]
    return {f"{dimension} = {name}": part[_SLICED] for dimension, each in found.items() for name, part in each.items()}


def _page(folder: Path, candidate: EvaluationReport, baseline: EvaluationReport | None) -> None:
    write_page(folder / PAGE, _columns(candidate), None if baseline is None else _columns(baseline))


def _columns(report: EvaluationReport) -> dict[str, list[float | str]]:
    """A row for each query: what it is, what it was worth, and how long it took."""
    results = report.results
    return {
        "kind": [result.kind for result in results],
        "words": [float(result.words) for result in results],
        **{name: [result.values[name] for result in results] for name in results[0].values},
        "answered": [float(result.answered) for result in results],
        "latency_ms": [result.latency_ms for result in results],
    }
