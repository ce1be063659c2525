"""The arithmetic of ir_measures and scikit-learn, held against a second implementation of the textbook definitions."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlops.errors import Invalid
from mlops.evaluation.prediction import Classification, classify, rating_errors
from mlops.evaluation.ranking import ranking_values
from mlops.evaluation.results import Counts


def textbook(ranking, grades):
    """The metrics of one ranking without duplicates, written down from the definitions."""
    relevant = {name for name, grade in grades.items() if grade >= 1}
    places = [place for place, name in enumerate(ranking[:100], start=1) if name in relevant]
    gains = sorted(grades.values(), reverse=True)[:10]
    ideal = sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
    dcg = sum(grades.get(name, 0) / math.log2(place + 1) for place, name in enumerate(ranking[:10], start=1))
    return {
        "ndcg@10": dcg / ideal,
        "mrr@10": max((1 / place for place in places if place <= 10), default=0.0),
        "recall@10": sum(place <= 10 for place in places) / len(relevant),
        "recall@100": len(places) / len(relevant),
        "map": sum(found / place for found, place in enumerate(places, start=1)) / len(relevant),
        "precision@10": sum(place <= 10 for place in places) / 10,
    }


NAMES = [f"r{number}" for number in range(130)]
RANKINGS = st.lists(st.sampled_from(NAMES), unique=True, max_size=120)
GRADES = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1, max_size=30).filter(
    lambda grades: any(grades.values())
)


@settings(deadline=None)
@given(ranking=RANKINGS, grades=GRADES)
def test_ranking_metrics_are_those_of_the_textbook(ranking, grades):
    assert ranking_values({"q": ranking[:100]}, {"q": grades})["q"] == pytest.approx(textbook(ranking, grades))


def test_the_gain_is_the_grade_and_not_a_power_of_two():
    values = ranking_values({"q": ["one", "three"]}, {"q": {"one": 1, "three": 3}})["q"]
    assert values["ndcg@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_each_query_is_measured_by_itself_and_only_if_it_is_ranked():
    qrels = {"a": {"r1": 2}, "b": {"r1": 2}, "c": {"r1": 2}}
    values = ranking_values({"a": ["r1"], "b": ["r9", "r1"]}, qrels)
    assert {qid: row["mrr@10"] for qid, row in values.items()} == {"a": 1.0, "b": 0.5}


def test_an_empty_ranking_is_worth_nothing():
    values = ranking_values({"a": [], "b": ["r1"]}, {"a": {"r1": 1}, "b": {"r1": 1}})
    assert set(values["a"].values()) == {0.0}
    assert values["b"]["ndcg@10"] == 1.0


def test_a_duplicate_earns_nothing_and_takes_its_place():
    values = ranking_values({"q": ["r1", "r1", "r2"]}, {"q": {"r1": 1, "r2": 1}})["q"]
    assert values["precision@10"] == pytest.approx(0.2)
    assert values["map"] == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_do_not_let_the_library_reorder_an_answer():
    worst_first = ranking_values({"q": ["a", "z"]}, {"q": {"z": 1}})["q"]
    best_first = ranking_values({"q": ["z", "a"]}, {"q": {"z": 1}})["q"]
    assert (worst_first["mrr@10"], best_first["mrr@10"]) == (0.5, 1.0)


@settings(deadline=None)
@given(*[st.integers(0, 50_000_000)] * 4)
def test_classification_is_that_of_the_textbook(tp, fp, fn, tn):
    assume(tp + fp + fn + tn)
    found = classify(Counts(tp=tp, fp=fp, fn=fn, tn=tn))
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    assert found.precision == pytest.approx(precision)
    assert found.recall == pytest.approx(recall)
    assert found.f1 == pytest.approx(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0)
    assert found.accuracy == pytest.approx((tp + tn) / (tp + fp + fn + tn))
    assert found.specificity == pytest.approx(tn / (tn + fp) if tn + fp else 0.0)


def test_without_the_size_of_the_corpus_there_is_neither_accuracy_nor_specificity():
    assert classify(Counts(tp=3, fp=1, fn=3, tn=None)) == Classification(
        accuracy=None, precision=0.75, recall=0.5, f1=pytest.approx(0.6), specificity=None
    )


def test_rating_errors_are_those_of_the_textbook():
    errors = rating_errors([4.0, 2.0, 5.0], [5.0, 2.0, 3.0])
    assert errors is not None
    assert (errors.n, errors.mse, errors.mae) == (3, pytest.approx(5 / 3), pytest.approx(1.0))
    assert errors.rmse == pytest.approx(math.sqrt(5 / 3))
    mean = 10 / 3
    assert errors.r2 == pytest.approx(1 - 5 / sum((given - mean) ** 2 for given in (5, 2, 3)))


def test_no_ratings_make_no_errors():
    assert rating_errors([], []) is None


def test_one_rating_has_no_variance_to_explain():
    errors = rating_errors([4.0], [5.0])
    assert errors is not None
    assert (errors.mae, errors.r2) == (1.0, None)


def test_ratings_that_do_not_pair_up_are_refused():
    with pytest.raises(Invalid, match="2 predicted and 1 given"):
        rating_errors([1.0, 2.0], [1.0])
