"""The evaluation as a whole: from questions and judgements to a report that its schema describes."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from itertools import count

import jsonschema
import pytest

from mlops.errors import Invalid
from mlops.evaluation import Query, evaluate
from mlops.evaluation.findings import Flaw
from mlops.evaluation.prediction import rating_errors
from mlops.evaluation.results import LeftOut
from mlops.evaluation.slices import slices
from tests.fakes.scripted_recommender import ScriptedRecommender

CORPUS = frozenset(f"r{number}" for number in range(1, 201))
SCHEMA = json.loads(resources.files("mlops.evaluation").joinpath("report_schema.json").read_text(encoding="utf-8"))

QUERIES = (
    Query(qid="q1", kind="dish", text_en="lentil soup", text_es="sopa de lentejas"),
    Query(qid="q2", kind="fridge", text_en="I have eggs, rice and peas", text_es=None),
    Query(qid="q3", kind="dish", text_en="cake", text_es="tarta"),
    Query(qid="q4", kind="dish", text_en="never judged"),
    Query(qid="q5", kind="dish", text_en="judged in vain"),
)
QRELS = {
    "q1": {"r1": 2, "r2": 1, "r7": 0},
    "q2": {"r3": 1},
    "q3": {"r4": 1, "r999": 1},
    "q5": {"r1": 0},
    "elsewhere": {"r1": 2},
}
RANKINGS = {
    "lentil soup": ["r1", "r9", "r2"],
    "sopa de lentejas": ["r2"],
    "I have eggs, rice and peas": [f"r{number}" for number in range(200, 2, -1)],
    "cake": [],
    "tarta": ["r4"],
}


def ticking(step=0.25):
    ticks = count()
    return lambda: next(ticks) * step


def report(language="en", *, corpus=CORPUS, queries=QUERIES, qrels=QRELS, recommender=None, progress=None):
    return evaluate(
        recommender or ScriptedRecommender(RANKINGS),
        queries,
        qrels,
        language=language,
        clock=ticking(),
        progress=progress or (lambda _done, _total: None),
        corpus=corpus,
    )


def test_each_judged_query_is_asked_for_a_hundred_recipes_in_its_language():
    recommender = ScriptedRecommender(RANKINGS)
    report("es", recommender=recommender)
    assert [(ask.text, ask.k, ask.language) for ask in recommender.asked] == [
        ("sopa de lentejas", 100, "es"),
        ("tarta", 100, "es"),
    ]


def test_what_could_not_be_used_is_counted():
    assert report("en").left_out == LeftOut(no_text=0, unjudged=2, unknown_queries=1, unknown_documents=1)
    assert report("es").left_out == LeftOut(no_text=3, unjudged=0, unknown_queries=1, unknown_documents=1)


def test_the_numbers_of_a_small_set_are_those_worked_out_by_hand():
    document = report().to_json()
    assert document["n"] == 3
    assert document["mrr@10"] == pytest.approx((1 + 0 + 0) / 3)
    assert document["recall@10"] == pytest.approx((1 + 0 + 0) / 3)
    assert document["precision@10"] == pytest.approx((0.2 + 0 + 0) / 3)
    # q1 shows r1 r9 r2, q2 shows ten of which none is r3, q3 shows nothing and misses two.
    assert (document["tp"], document["fp"], document["fn"]) == (2, 11, 3)
    # q1: 200 - {r1 r9 r2}; q2: 200 - ten shown - r3; q3: 200 - r4, as r999 is not in the corpus.
    assert document["tn"] == 197 + 189 + 199
    assert document["accuracy"] == pytest.approx((2 + 585) / (2 + 11 + 3 + 585))
    assert document["coverage"] == pytest.approx(13 / 200)
    assert document["latency_ms"] == {"p50": 250.0, "p95": 250.0}


def test_the_hundredth_place_counts_and_the_one_after_it_does_not():
    rankings = {"cake": [f"x{number}" for number in range(99)] + ["r4", "r999"]}
    found = report(recommender=ScriptedRecommender(rankings)).per_query("recall@100")
    assert found["q3"] == pytest.approx(0.5)


def test_ratings_that_do_not_exist_are_no_data():
    document = report().to_json()
    assert {document[name] for name in ("mse", "mae", "rmse", "r2")} == {"no data"}
    assert not {"mse", "mae", "rmse", "r2"} & report().metrics().keys()


def test_ratings_that_exist_are_reported():
    rated = replace(report(), ratings=rating_errors([4.0, 3.0], [5.0, 3.0]))
    jsonschema.validate(rated.to_json(), SCHEMA)
    assert rated.metrics()["mae"] == rated.to_json()["mae"] == pytest.approx(0.5)


def test_without_a_corpus_what_depends_on_it_is_no_data():
    document = report(corpus=None).to_json()
    jsonschema.validate(document, SCHEMA)
    assert {document[name] for name in ("tn", "accuracy", "specificity", "coverage")} == {"no data"}
    assert document["precision"] == pytest.approx(2 / 13)
    assert document["left_out"]["unknown_documents"] == 0


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_report_is_what_its_schema_describes(language):
    made = report(language)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for document in (made.to_json(), made.reproducible()):
        jsonschema.validate(json.loads(json.dumps(document, allow_nan=False)), SCHEMA)


def test_the_schema_knows_every_flaw():
    assert set(SCHEMA["$defs"]["flaw"]["enum"]) == {flaw.value for flaw in Flaw}


def test_what_is_kept_with_an_artefact_does_not_depend_on_the_clock():
    slow = evaluate(
        ScriptedRecommender(RANKINGS),
        QUERIES,
        QRELS,
        language="en",
        clock=ticking(9),
        progress=lambda *_: None,
        corpus=CORPUS,
    )
    assert slow.to_json() != report().to_json()
    assert slow.reproducible() == report().reproducible()
    assert slow.metrics() == report().metrics()
    assert "latency" not in json.dumps(slow.reproducible())


def test_every_metric_is_a_finite_number():
    found = report().metrics()
    assert 0 <= found.pop("novelty@10") <= math.log2(3), "in bits, of three queries"
    assert all(isinstance(value, float) and abs(value) <= 1 for value in found.values())


def test_slices_are_by_kind_language_diet_rarity_length_and_number_of_relevant_recipes():
    parts = slices(report().results)
    assert {dimension: {name: row["n"] for name, row in rows.items()} for dimension, rows in parts.items()} == {
        "kind": {"dish": 2, "fridge": 1},
        "language": {"en": 3},
        "diet": {"none": 3},
        "items": {"common": 3},
        "length": {"over 5 words": 1, "up to 2 words": 2},
        "relevant": {"2 to 10 relevant": 2, "up to 1 relevant": 1},
    }
    assert parts["kind"]["dish"]["recall@10"] == pytest.approx(0.5)
    assert parts["kind"]["dish"]["fn"] == 2


def test_values_by_query_are_kept_for_paired_comparisons():
    made = report()
    assert made.per_query("mrr@10") == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert made.per_query("empty-rate") == {"q1": 0.0, "q2": 0.0, "q3": 1.0}
    assert made.per_query("invalid-outputs") == {"q1": 0.0, "q2": 0.0, "q3": 0.0}
    assert made.per_query("latency-ms") == {"q1": 250.0, "q2": 250.0, "q3": 250.0}
    assert made.per_query("no-such-metric") == {}


def test_a_query_that_fails_is_a_finding_and_worth_nothing():
    queries = (QUERIES[0], Query(qid="q9", text_en="boom"))
    made = report(queries=queries, qrels={"q1": {"r1": 1}, "q9": {"r1": 1}})
    assert [(finding.flaw, finding.qid, finding.detail) for finding in made.findings] == [
        (Flaw.FAILED, "q9", "Transient: translator refused")
    ]
    assert made.metrics()["invalid-outputs"] == 0.5
    assert made.per_query("ndcg@10") == {"q1": 1.0, "q9": 0.0}


def test_examples_of_findings_are_bounded_and_counts_are_not():
    queries = [Query(qid=f"q{number}", text_en=f"nothing {number}") for number in range(50)]
    document = report(queries=queries, qrels={query.qid: {"r1": 1} for query in queries}).to_json()
    jsonschema.validate(document, SCHEMA)
    assert document["validation"]["counts"]["empty"] == 50
    assert len(document["validation"]["examples"]) == 20
    assert document["validation"]["invalid_queries"] == 0


def test_progress_is_told_after_every_query():
    told = []
    report(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_when_nothing_can_be_asked_the_message_says_why():
    with pytest.raises(Invalid, match="none of 2 queries can be asked: 1 have no text in 'es', 1 have no document"):
        report("es", queries=(QUERIES[1], QUERIES[0]), qrels={"q2": {"r1": 1}})


def test_gates_are_read_where_neither_the_metrics_nor_the_statistics_libraries_are_wanted():
    code = (
        "import sys, mlops.evaluation.gates, mlops.evaluation, mlops.retraining\n"
        "print([name for name in ('sklearn', 'ir_measures', 'scipy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
