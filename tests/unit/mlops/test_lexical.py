"""Terms and BM25."""

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.kernel.library import kernel
from mlops.kernel.operands import Postings
from mlops.retrieval.analyzer import Analyzer, fold
from mlops.retrieval.lexical import STARTS_FILE, LexicalIndex
from mlops.retrieval.lexical_building import write_lexical
from mlops.retrieval.selection import highest

DISHES = ("Jalapeño corn bread", "Chicken soup with noodles", "Chicken salad", "Beef stew with red wine")

WORDS = ("chicken", "soup", "rice", "bean", "salad", "bread", "wine", "corn", "stew", "egg")
needs_kernel = pytest.mark.skipif(kernel() is None, reason="no kernel here: no C compiler, or no AVX-512 VNNI")


@pytest.fixture(scope="module")
def folder_of_many(tmp_path_factory):
    """Four hundred documents, whose words come again and again."""
    draw = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("lexical") / "many"
    write_lexical([" ".join(draw.choice(WORDS, draw.integers(1, 9))) for _ in range(400)], "en", folder)
    return folder


@pytest.fixture(scope="module")
def many(folder_of_many):
    return LexicalIndex.load(folder_of_many, "en", 400)


@pytest.fixture(scope="module")
def many_by_kernel(folder_of_many):
    index = LexicalIndex.load(folder_of_many, "en", 400, kernel())
    assert index._kernel is kernel(), "else both would be numpy's"  # noqa: SLF001
    return index


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
def folder(tmp_path):
    write_lexical(DISHES, "en", tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def index(folder):
    return LexicalIndex.load(folder, "en", len(DISHES))


def scores_of(index, text):
    return index.best([text], [None], 1)[0][0]


def test_the_document_with_every_word_scores_best(index):
    assert int(np.argmax(scores_of(index, "chicken noodle soup"))) == 1


@pytest.mark.parametrize("text", ["", "xylophone", "🍕", "the of a"])
def test_words_it_never_saw_score_nothing(index, text):
    assert scores_of(index, text).tolist() == [0.0] * len(DISHES)


def test_documents_with_any_of_several_words(index):
    assert np.flatnonzero(index.holding(["chicken", "wine"])).tolist() == [1, 2, 3]


def test_a_word_of_two_terms_must_be_there_with_both(index):
    assert np.flatnonzero(index.holding(["corn bread"])).tolist() == [0]
    assert not index.holding(["corn soup"]).any()


def test_documents_with_nothing_are_none(index):
    assert not index.holding([]).any()


@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
def test_scores_are_those_of_the_library_to_the_bit(folder_of_many, many, words):
    theirs = bm25s.BM25.load(str(folder_of_many)).get_scores(Analyzer("en").terms(" ".join(words)))
    assert scores_of(many, " ".join(words)).tolist() == theirs.tolist()
    assert theirs.any()


@needs_kernel
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=5),
    depth=st.integers(1, 30),
    seed=st.none() | st.integers(0, 9),
)
def test_the_kernel_adds_up_what_numpy_does_and_finds_the_best(many, many_by_kernel, words, depth, seed):
    """To the bit: a version judged on one machine must answer alike on another."""
    texts = [" ".join(words), "nothing of it", " ".join(words[:1])]
    passed = [None if seed is None else np.random.default_rng(seed).random(400) < 0.5, None, None]
    for index in (many, many_by_kernel):
        together = zip(texts, passed, *index.best(texts, passed, depth), strict=True)
        for text, among, scores, found in together:
            assert scores.tolist() == scores_of(many, text).tolist()
            assert sorted(found.tolist()) == sorted(highest(scores, among, 0.0, depth, None).tolist())


@needs_kernel
def test_the_kernel_adds_up_more_documents_than_it_looks_at_at_once():
    draw = np.random.default_rng(2)
    held = [np.flatnonzero(draw.random(50_000) < share).astype(np.int32) for share in (0.5, 0.001)]
    starts = np.cumsum([0, *map(len, held)], dtype=np.int64)
    values = draw.random(starts[-1]).astype(np.float32)
    wanted = np.zeros(50_000, dtype=np.float32)
    for start, documents in zip(starts, held, strict=False):
        wanted[documents] += values[start : start + len(documents)]
    postings = Postings(starts, np.concatenate(held), values)
    (scores,), (found,) = kernel().sum(postings, [[0, 1]], 50_000, [None], 20)
    assert np.array_equal(scores, wanted)
    assert sorted(found.tolist()) == sorted(highest(wanted, None, 0.0, 20, None).tolist())


@needs_kernel
def test_postings_of_documents_that_there_are_not_are_passed_over():
    """An index that does not fit its rows gives wrong scores and writes nowhere else."""
    documents = np.array([-1, 0, 7, 8, 2**31 - 1], dtype=np.int32)
    postings = Postings(np.array([0, 5]), documents, np.ones(5, dtype=np.float32))
    scores, _ = kernel().sum(postings, [[0], [0]], 8, [None, None], 1)
    assert scores.tolist() == [[1, 0, 0, 0, 0, 0, 0, 1]] * 2, "-1 of the second would be the last of the first"


@needs_kernel
@pytest.mark.parametrize("damage", [lambda s: s.__setitem__(2, 10**9), lambda s: s.__setitem__(1, -5)])
def test_an_index_whose_postings_start_nowhere_is_not_read_by_the_kernel(folder, damage):
    starts = np.load(folder / STARTS_FILE)
    damage(starts)
    np.save(folder / STARTS_FILE, starts)
    assert LexicalIndex.load(folder, "en", len(DISHES), kernel())._kernel is None  # noqa: SLF001
