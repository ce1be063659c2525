"""What is kept of an evaluation: reports, pictures and a page, by the real libraries; and what there is without them."""

from __future__ import annotations

import json
import sys
from importlib import resources

import jsonschema
import pytest

from mlops.evaluation import Query, evaluate
from mlops.evaluation.keeping import keep
from tests.fakes.scripted_recommender import ScriptedRecommender

# Evidently and what it imports warn of themselves.
pytestmark = [pytest.mark.contract, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
SCHEMA = json.loads(resources.files("mlops.evaluation").joinpath("report_schema.json").read_text(encoding="utf-8"))
QUERIES = tuple(
    Query(qid=f"q{number}", kind=("dish", "pantry")[number % 2], text_en=f"query {number}") for number in range(40)
)
QRELS = {query.qid: {f"r{number}": 2} for number, query in enumerate(QUERIES)}


def report(shift):
    """Each query is answered with its recipe `shift` places below the top."""
    rankings = {
        query.text_en: [*(f"x{place}" for place in range(shift)), f"r{number}"] for number, query in enumerate(QUERIES)
    }
    return evaluate(
        ScriptedRecommender(rankings), QUERIES, QRELS, language="en", clock=iter(range(1_000)).__next__,
        progress=lambda _done, _total: None, corpus=frozenset(f"r{number}" for number in range(100)),
    )  # fmt: skip


def test_reports_pictures_and_a_page_are_kept(tmp_path):
    told = keep(tmp_path / "evaluation", report(0), report(2))
    kept = {path.name: path for path in (tmp_path / "evaluation").iterdir()}

    assert told == "plots; page"
    assert set(kept) == {
        "report.json", "report_of_baseline.json", "metrics.png", "slices.png", "latency.png", "ndcg.png", "page.html",
    }  # fmt: skip
    for name in ("report.json", "report_of_baseline.json"):
        jsonschema.validate(json.loads(kept[name].read_text()), SCHEMA)
    assert all(path.read_bytes().startswith(b"\x89PNG") for name, path in kept.items() if name.endswith(".png"))
    page = kept["page.html"].read_text()
    assert "ndcg@10" in page
    assert "Drift" in page


def test_without_the_libraries_the_report_is_kept_and_says_what_is_missing(tmp_path, monkeypatch):
    for name in ("evidently", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    told = keep(tmp_path / "evaluation", report(0), None)

    assert told == (
        "no plots: matplotlib is not installed; the extra `report` brings it; "
        "no page: Evidently is not installed; the extra `report` brings it"
    )
    assert [path.name for path in (tmp_path / "evaluation").iterdir()] == ["report.json"]


def test_a_page_that_cannot_be_made_takes_nothing_else_away(tmp_path, monkeypatch):
    def broken(*_):
        raise TypeError("columns")

    monkeypatch.setattr("mlops.evaluation.keeping.write_page", broken)
    assert keep(tmp_path / "evaluation", report(0), None) == "plots; no page: TypeError: columns"


def test_a_version_alone_whose_queries_are_all_worth_the_same_is_kept_too(tmp_path):
    assert keep(tmp_path / "evaluation", report(0), None) == "plots; page"
    assert not (tmp_path / "evaluation" / "report_of_baseline.json").exists()
