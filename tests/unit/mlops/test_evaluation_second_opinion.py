"""A whole report, held against a second implementation: each number from its definition, in plain loops.

Once on random answers and judgements, once on the judged queries of the sample, answered by how many words are shared.
"""

import json
import math
from importlib import resources
from itertools import combinations

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.evaluation import Query, evaluate
from mlops.evaluation.beyond_accuracy import Demand
from mlops.evaluation.prediction import rating_errors
from mlops.evaluation.sample import sample_set
from mlops.recommendation import Filters
from tests.fakes.scripted_recommender import answer, hit

SCHEMA = json.loads(resources.files("mlops.evaluation").joinpath("report_schema.json").read_text(encoding="utf-8"))
FOODS = ("rice", "egg", "milk", "bean", "leek", "salt")


class Answers:
    """Answers each text with the recipes written down for it."""

    def __init__(self, rankings, recipes, filters=None):
        self.rankings, self.recipes, self.filters = rankings, recipes, filters or {}

    def recommend(self, ask):
        hits = [hit(name, 1 / place, **self.recipes[name]) for place, name in enumerate(self.rankings[ask.text], 1)]
        return answer(*hits, filters=self.filters.get(ask.text, Filters()))


def measured(queries, qrels, rankings, recipes, filters=None):
    return evaluate(
        Answers(rankings, recipes, filters),
        queries,
        qrels,
        language="en",
        clock=lambda: 0.0,
        progress=lambda *_: None,
        corpus=recipes.keys(),
    )


def from_the_definitions(queries, qrels, rankings, recipes):
    """Every number of a report that relevance and recipes alone decide; no numpy, no library."""
    sums = dict.fromkeys(("ndcg@10", "mrr@10", "recall@10", "recall@100", "map", "precision@10"), 0.0)
    sums |= {"diversity@10": 0.0, "novelty@10": 0.0}
    tp = fp = fn = tn = 0
    shown_at_all = set()
    for query in queries:
        grades = qrels[query.qid]
        ranking = rankings[query.text_en]
        top = ranking[:10]
        shown_at_all |= set(top)
        wanted = {name for name in grades if grades[name] >= 1}

        ideal = sorted((grades[name] for name in wanted), reverse=True)[:10]
        best = sum(grade / math.log2(rank + 2) for rank, grade in enumerate(ideal))
        sums["ndcg@10"] += sum(grades.get(name, 0) / math.log2(rank + 2) for rank, name in enumerate(top)) / best
        first = next((rank for rank, name in enumerate(top, start=1) if name in wanted), None)
        sums["mrr@10"] += 1 / first if first else 0
        sums["recall@10"] += len(wanted & set(top)) / len(wanted)
        sums["recall@100"] += len(wanted & set(ranking[:100])) / len(wanted)
        sums["precision@10"] += len(wanted & set(top)) / 10
        precisions = [
            len(wanted & set(ranking[:rank])) / rank
            for rank in range(1, min(len(ranking), 100) + 1)
            if ranking[rank - 1] in wanted
        ]
        sums["map"] += sum(precisions) / len(wanted)

        words = [words_of(text_of(recipes[name])) for name in top]
        apart = [1 - len(a & b) / len(a | b) if a | b else 0 for a, b in combinations(words, 2)]
        sums["diversity@10"] += sum(apart) / len(apart) if apart else 0
        bits = []
        for name in top:
            others = sum(qrels[other.qid].get(name, 0) >= 1 for other in queries if other is not query)
            bits.append(-math.log2((others + 1) / len(queries)))
        sums["novelty@10"] += sum(bits) / len(bits) if bits else 0

        for name in recipes:
            tp += name in top and name in wanted
            fp += name in top and name not in wanted
            fn += name not in top and name in wanted
            tn += name not in top and name not in wanted
    shown, relevant = tp + fp, tp + fn
    precision, recall = tp / shown if shown else 0, tp / relevant if relevant else 0
    return {name: total / len(queries) for name, total in sums.items()} | {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0,
        "accuracy": (tp + tn) / (tp + fp + fn + tn),
        "specificity": tn / (tn + fp) if tn + fp else 0,
        "coverage": len(shown_at_all) / len(recipes),
    }


def text_of(recipe):
    return " ".join([recipe["title"], *recipe["ingredients"]])


def words_of(text):
    letters = "".join(letter if letter.isalpha() else " " for letter in text.lower())
    return {word for word in letters.split() if len(word) >= 3}


@st.composite
def cases(draw):
    names = [f"r{number}" for number in range(draw(st.integers(1, 125)))]
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    recipes = {
        name: {"title": "", "ingredients": list(rng.choice(FOODS, size=int(rng.integers(0, 5))))} for name in names
    }
    queries = [Query(qid=f"q{number}", text_en=f"query {number}") for number in range(draw(st.integers(1, 6)))]
    qrels, rankings = {}, {}
    for query in queries:
        judged = rng.permutation(names)[: int(rng.integers(1, len(names) + 1))]
        qrels[query.qid] = {str(name): int(rng.integers(0, 4)) for name in judged} | {str(judged[0]): 2}
        rankings[query.text_en] = [str(name) for name in rng.permutation(names)[: int(rng.integers(0, 101))]]
    return queries, qrels, rankings, recipes


@settings(deadline=None, max_examples=30)
@given(cases())
def test_a_report_on_random_answers_is_that_of_the_definitions(case):
    document = measured(*case).to_json()
    expected = from_the_definitions(*case)
    assert {name: document[name] for name in expected} == pytest.approx(expected)
    jsonschema.validate(document, SCHEMA)


@pytest.fixture(scope="module")
def sample():
    """The judged queries of the sample, and its recipes ranked by the words that they share with each query."""
    queries, qrels = sample_set()
    lines = resources.files("mlops.corpus").joinpath("sample", "recipes.jsonl").read_text(encoding="utf-8").splitlines()
    recipes = {row["id"]: {"title": row["title"], "ingredients": row["ingredients"]} for row in map(json.loads, lines)}
    words = {name: words_of(text_of(recipe)) for name, recipe in recipes.items()}
    rankings = {}
    for query in queries:
        asked = words_of(query.text_en)
        found = {name: len(asked & described) for name, described in words.items()}
        rankings[query.text_en] = sorted((name for name in found if found[name]), key=lambda name: -found[name])[:100]
    return queries, qrels, rankings, recipes


def test_a_report_on_the_judged_sample_is_that_of_the_definitions(sample):
    document, expected = measured(*sample).to_json(), from_the_definitions(*sample)
    assert {name: document[name] for name in expected} == pytest.approx(expected)
    assert document["n"] == 120
    assert 0.2 < document["ndcg@10"] < 0.9, "a ranking by shared words is neither useless nor perfect"


def test_the_slices_of_every_dimension_divide_the_queries_of_the_sample(sample):
    queries, *_ = sample
    vegan = {query.text_en: Filters(diets=frozenset({"vegan"})) for query in queries if "vegan" in query.text_en}
    nut_free = {
        query.text_en: Filters(without_allergens=frozenset({"nuts"})) for query in queries if "nut" in query.text_en
    }
    parts = measured(*sample, filters=nut_free | vegan).to_json()["slices"]
    assert set(parts) == {"kind", "language", "diet", "items", "length", "relevant"}
    assert {dimension: sum(part["n"] for part in each.values()) for dimension, each in parts.items()} == dict.fromkeys(
        parts, 120
    )
    assert parts["diet"]["vegan"]["n"] == len(vegan) > 0
    assert parts["diet"]["without an allergen"]["n"] == len(nut_free.keys() - vegan.keys()) > 0
    assert parts["items"]["rare"]["n"] == 26


def test_rare_is_what_the_fewest_queries_want_up_to_a_third_of_all_that_is_wanted():
    # Wanted by one query: three of nine; with those of two it would be five of nine.
    demand = Demand.of([{"a", "popular", "two"}, {"b", "popular"}, {"c", "popular"}, {"popular", "two"}])
    assert demand.rare == 1
    assert demand.for_rare({"a", "popular"})
    assert not demand.for_rare({"a", "two", "popular"})
    assert not Demand.of([{"a"}, {"b"}]).for_rare({"a"}), "where all are wanted alike none is rare"


def test_a_right_answer_is_no_less_new_for_being_right():
    demand = Demand.of([{"a"}, {"b"}, {"c"}, {"d"}])
    assert demand.bits("a", {"a"}) == demand.bits("nobody wants it", {"a"}) == 2.0
    assert demand.bits("a", {"b"}) == 1.0


RATINGS = st.lists(st.tuples(st.floats(1, 5), st.floats(1, 5)), min_size=1, max_size=50)


@given(RATINGS)
def test_rating_errors_on_random_ratings_are_those_of_the_definitions(pairs):
    found = rating_errors([predicted for predicted, _ in pairs], [given for _, given in pairs])
    errors = [predicted - given for predicted, given in pairs]
    mean = sum(given for _, given in pairs) / len(pairs)
    total = sum((given - mean) ** 2 for _, given in pairs)
    assert found is not None
    assert found.mse == pytest.approx(sum(error**2 for error in errors) / len(pairs))
    assert found.rmse == pytest.approx(math.sqrt(sum(error**2 for error in errors) / len(pairs)))
    assert found.mae == pytest.approx(sum(abs(error) for error in errors) / len(pairs))
    if len(pairs) < 2:
        assert found.r2 is None
    elif total > 1e-6:
        assert found.r2 == pytest.approx(1 - sum(error**2 for error in errors) / total)
