"""What one call of the kernel finds is what is found step by step, to the bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.kernel.library import kernel
from mlops.kernel.operands import Model, Shape, Tables, aligned
from mlops.recommendation import NO_FILTERS
from mlops.retrieval.kernel_encoder import KernelEncoder
from mlops.retrieval.laps import Laps
from mlops.retrieval.lexical import LexicalIndex
from mlops.retrieval.lexical_building import write_lexical
from mlops.retrieval.search import Indexes, Search
from mlops.retrieval.semantic import ExactIndex, SketchedIndex
from mlops.retrieval.sketches import sketch
from mlops.retrieval.understanding import Understood

pytestmark = pytest.mark.skipif(kernel() is None, reason="no kernel here: no C compiler, or no AVX-512 VNNI")

COUNT, DIMENSION, VOCABULARY = 2_000, 64, 50
WORDS = ("soup", "onion", "rice", "egg", "bread", "wine", "stew", "corn")
SPANISH = ("sopa", "cebolla", "arroz", "huevo")


class Letters:
    """A tokenizer for tests: a token for each letter."""

    def ids(self, texts):
        return [np.array([1, *(ord(char) % VOCABULARY for char in text)], dtype=np.int32).tobytes() for text in texts]


class AdapterAlone:
    """A learned ranking of which only the adapter is asked."""

    def adapter(self, vector):
        return np.roll(vector, 1)


def encoder():
    """One layer of numbers that mean nothing, more than it reads."""
    draw = np.random.default_rng(5)
    return KernelEncoder(
        kernel(),
        Model(
            Shape(hidden=DIMENSION, inner=DIMENSION, heads=4, layers=1, epsilon=1e-6),
            Tables(
                words=draw.standard_normal((VOCABULARY, DIMENSION)).astype(np.float16),
                positions=draw.standard_normal((600, DIMENSION)).astype(np.float32),
                weights=aligned(draw.integers(-9, 9, 8 * DIMENSION * DIMENSION).astype(np.int8)),
                floats=draw.uniform(0.1, 1, 64 * DIMENSION).astype(np.float32),
            ),
        ),
        Letters(),
    )


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    draw = np.random.default_rng(6)
    vectors = draw.standard_normal((COUNT, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def words(name, vocabulary, language):
        folder = tmp_path_factory.mktemp(name)
        write_lexical([" ".join(draw.choice(vocabulary, draw.integers(1, 5))) for _ in range(COUNT)], language, folder)
        return LexicalIndex.load(folder, language, COUNT, kernel())

    return Indexes(
        semantic=SketchedIndex(vectors.astype(np.float16), sketch(vectors, 0), kernel()),
        text=words("text", WORDS, "en"),
        parts=words("parts", WORDS, "en"),
        spanish=words("spanish", SPANISH, "es"),
        facets=np.zeros(COUNT, dtype=[("minutes", np.int32)]),
        rows=(),
    )


def searches(indexes, learned=None):
    """At a glance, and step by step."""
    glance, steps = (Search(encoder(), indexes, learned, kernel()) for _ in range(2))
    assert glance._glance is not None, "else both would go step by step"  # noqa: SLF001
    steps._glance = None  # noqa: SLF001
    return glance, steps


def understood(english, spanish=None, pantry=None):
    return Understood(
        language="en", english=english, spanish=spanish, translated=True, filters=NO_FILTERS,
        pantry=None if pantry is None else tuple(frozenset(group) for group in pantry),
    )  # fmt: skip


def texts(words):
    return st.lists(st.sampled_from([*words, "nothing"]), max_size=4).map(" ".join)


QUERIES = st.builds(
    understood,
    texts(WORDS),
    st.none() | texts(SPANISH),
    st.none() | st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2), min_size=1, max_size=3),
)
# Of all recipes these pass: all, every other, a few, none.
MASKS = st.sampled_from([None, 2, 500, COUNT + 1]).map(
    lambda every: None if every is None else np.arange(1, COUNT + 1) % every == 0
)


@settings(deadline=None)
@given(questions=st.lists(st.tuples(QUERIES, MASKS), min_size=1, max_size=9), k=st.sampled_from([1, 10, 1000]))
def test_a_glance_finds_what_the_steps_find(indexes, questions, k):
    queries, passed = zip(*questions, strict=True)
    at_once, one_by_one = (search.find(queries, passed, k, Laps()) for search in searches(indexes))
    assert at_once == one_by_one
    assert any(found.documents for found in at_once) or not any(mask is None for mask in passed)


@settings(deadline=None, max_examples=30)
@given(questions=st.lists(st.tuples(QUERIES, MASKS), min_size=1, max_size=9))
def test_what_a_learned_ranking_looks_at_is_the_same(indexes, questions):
    queries, passed = zip(*questions, strict=True)
    every = [search._see(queries, passed, Laps()) for search in searches(indexes, AdapterAlone())]  # noqa: SLF001
    for glance, steps in zip(*every, strict=True):
        assert glance.documents.tolist() == steps.documents.tolist()
        assert glance.vector.tolist() == steps.vector.tolist()
        assert glance.adapted.tolist() == steps.adapted.tolist()
        assert [(each.name, each.floor, each.scores.tolist()) for each in glance.rankings] == [
            (each.name, each.floor, each.scores.tolist()) for each in steps.rankings
        ]
        assert (glance.coverage is None) == (steps.coverage is None)
        assert glance.coverage is None or glance.coverage.tolist() == steps.coverage.tolist()


def test_questions_side_by_side_find_what_each_finds_alone_in_several_threads(indexes):
    search, _ = searches(indexes)
    queries = [understood(f"soup {word}", spanish="sopa", pantry=[["egg"]]) for word in WORDS]
    masks = [None if place % 2 else np.arange(COUNT) % (place + 2) == 0 for place in range(len(WORDS))]
    alone = [search.find([query], [mask], 20, Laps())[0] for query, mask in zip(queries, masks, strict=True)]

    def turned(by):
        return search.find(queries[by:] + queries[:by], masks[by:] + masks[:by], 20, Laps())

    with ThreadPoolExecutor(4) as threads:
        for place, found in enumerate(threads.map(turned, [place % len(WORDS) for place in range(200)])):
            by = place % len(WORDS)
            assert found == alone[by:] + alone[:by]


def test_a_longer_text_than_any_and_one_without_a_letter_are_found_as_well(indexes):
    glance, steps = searches(indexes)
    queries, passed = [understood("soup " * 110), understood("")], [None, None]
    assert glance.find(queries, passed, 5, Laps()) == steps.find(queries, passed, 5, Laps())


def test_the_laps_of_a_call_are_told_by_step_and_add_up(indexes):
    laps = Laps()
    searches(indexes)[0].find([understood("soup")], [None], 5, laps)
    assert list(laps.milliseconds) == ["embed", "search", "rank"]
    assert all(milliseconds > 0 for milliseconds in laps.milliseconds.values())


@pytest.mark.parametrize(
    "part",
    [
        {"semantic": lambda indexes: ExactIndex(indexes.semantic.vectors.astype(np.float32))},
        {"text": lambda _: LexicalIndex({}, (np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)), "en", COUNT)},
    ],
    ids=["vectors that are multiplied out", "words that numpy adds up"],
)  # fmt: skip
def test_a_model_with_a_part_that_is_not_the_kernels_goes_step_by_step(indexes, part):
    parts = {name: getattr(indexes, name) for name in ("semantic", "text", "parts", "spanish", "facets", "rows")}
    other = Indexes(**parts | {name: make(indexes) for name, make in part.items()})
    search = Search(encoder(), other, None, kernel())
    assert search._glance is None  # noqa: SLF001
    assert len(search.find([understood("soup")], [None], 5, Laps())[0].documents) == 5
