"""What pairs of titles teach."""

import gzip
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.translation.alignment import CERTAIN_COUNT, learn_glossary
from mlops.translation.glossary import Glossary

PAIRS = [
    ("sopa de pollo", "chicken soup"),
    ("sopa de arroz", "rice soup"),
    ("pollo con arroz", "chicken with rice"),
    ("pollo asado", "roast chicken"),
    ("sopa de ajo", "garlic soup"),
    ("pollo con ajo", "chicken with garlic"),
    ("arroz con leche", "rice with milk"),
    ("sopa de leche", "milk soup"),
]
TITLES = Path(__file__).parents[4] / "shared" / "data" / "title_pairs_es_en.jsonl.gz"


def taught(pairs, **options):
    return {entry.es: entry.en for entry in learn_glossary(pairs, **options).entries}


def test_words_that_occur_together_are_paired():
    words = taught(PAIRS)
    assert {es: words[es] for es in ("sopa", "pollo", "arroz", "ajo", "leche", "con")} == {
        "sopa": "soup", "pollo": "chicken", "arroz": "rice", "ajo": "garlic", "leche": "milk", "con": "with",
    }  # fmt: skip


def test_a_rare_word_is_not_taught():
    assert "asado" not in taught(PAIRS, min_count=2)
    assert "asado" in taught(PAIRS, min_count=1, min_probability=0.1)


def test_an_unsure_word_is_not_taught():
    unsure = [("gazpacho verde", "green soup"), ("gazpacho verde", "cold soup")]
    assert taught(unsure, min_probability=0.95) == {}


def test_only_what_is_frequent_and_sure_may_overrule_the_shipped_list():
    kinds = {entry.es: entry.kind for entry in learn_glossary([("ajo", "garlic")] * CERTAIN_COUNT).entries}
    assert kinds == {"ajo": "corpus"}
    kinds = {entry.es: entry.kind for entry in learn_glossary([("ajo", "garlic")] * (CERTAIN_COUNT - 1)).entries}
    assert kinds == {"ajo": "learnt"}


@pytest.mark.parametrize("pairs", [[], [("", "")], [("sopa", "")], [("", "soup")], [("123", "456")], [("🍕", "🍕")]])
def test_pairs_without_words_teach_nothing(pairs):
    assert learn_glossary(pairs, min_count=1) == Glossary(())


@given(st.permutations(PAIRS))
def test_the_order_of_the_pairs_does_not_matter(pairs):
    assert taught(pairs) == taught(PAIRS)


@given(st.lists(st.tuples(st.text(), st.text())))
def test_any_pairs_can_be_learnt_from(pairs):
    glossary = learn_glossary(pairs, min_count=1, min_probability=0)
    assert Glossary.from_tsv(glossary.to_tsv()) == glossary


@pytest.mark.shared_data
@pytest.mark.skipif(not TITLES.exists(), reason=f"{TITLES} is not there: it lies beside the repository, not in it")
def test_seven_thousand_real_titles_teach_in_seconds():
    with gzip.open(TITLES, "rt", encoding="utf-8") as lines:
        pairs = [(row["es"], row["en"]) for row in map(json.loads, lines)]
    began = time.perf_counter()
    glossary = learn_glossary(pairs)
    assert time.perf_counter() - began < 10
    words = {entry.es: entry.en for entry in glossary.entries}
    assert len(words) > 1000
    expected = {"pollo": "chicken", "calabaza": "squash", "ternera": "veal", "chícharos": "peas", "xitomate": "tomato"}
    assert {es: words.get(es) for es in expected} == expected
    random.Random(1).shuffle(pairs)  # noqa: S311 - an order, not a secret
    assert {entry.es: entry.en for entry in learn_glossary(pairs).entries} == words
