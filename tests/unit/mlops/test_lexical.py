"""Terms and BM25."""

import numpy as np
import pytest

from mlops.retrieval.analyzer import Analyzer, fold
from mlops.retrieval.lexical import LexicalIndex

DISHES = ("Jalapeño corn bread", "Chicken soup with noodles", "Chicken salad", "Beef stew with red wine")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Jalapeño CORN breads", ["jalapeno", "corn", "bread"]),
        ("a recipe for soup", ["soup"]),
        ("2 cups (480 ml) of water", ["cup", "ml", "water"]),
        ("", []),
        ("🍕🍕", []),
        ("'; DROP TABLE recipes; --", ["drop", "tabl"]),
        ("\x00\ud800 soup", ["soup"]),
    ],
)
def test_terms_of_english(text, terms):
    assert Analyzer("en").terms(text) == terms


def test_terms_of_spanish_are_stemmed_and_without_wrapping():
    assert Analyzer("es").terms("¿Qué puedo cocinar con las cebollas?") == Analyzer("es").terms("cebolla")


def test_fold_meets_accents_half_way():
    assert fold("MelocotÓN") == fold("melocoton")


@pytest.fixture
def index():
    return LexicalIndex.build(DISHES, "en")


def test_the_document_with_every_word_scores_best(index):
    assert int(np.argmax(index.scores("chicken noodle soup"))) == 1


@pytest.mark.parametrize("text", ["", "xylophone", "🍕", "the of a"])
def test_words_it_never_saw_score_nothing(index, text):
    assert index.scores(text).tolist() == [0.0] * len(DISHES)


def test_saving_and_loading_changes_no_score(index, tmp_path):
    index.save(tmp_path / "index")
    loaded = LexicalIndex.load(tmp_path / "index", "en", len(DISHES))
    assert loaded.scores("red wine").tolist() == index.scores("red wine").tolist()


def test_documents_with_any_of_several_words(index):
    assert np.flatnonzero(index.holding(["chicken", "wine"])).tolist() == [1, 2, 3]


def test_a_word_of_two_terms_must_be_there_with_both(index):
    assert np.flatnonzero(index.holding(["corn bread"])).tolist() == [0]
    assert not index.holding(["corn soup"]).any()


def test_documents_with_nothing_are_none(index):
    assert not index.holding([]).any()
