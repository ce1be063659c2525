"""Finding the highest of many scores and the nearest of many vectors: the kernel beside numpy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops.errors import Permanent
from mlops.kernel.build import build
from mlops.kernel.library import Kernel, kernel, load
from mlops.kernel.operands import WORD, Index, Wanted
from mlops.retrieval.lexical import LexicalIndex
from mlops.retrieval.lexical_building import write_lexical
from mlops.retrieval.selection import distinct, highest
from mlops.retrieval.semantic import ExactIndex, SketchedIndex
from mlops.retrieval.sketches import SketchBook, sketch

KERNELS = [pytest.param(None, id="numpy")] + [pytest.param(each, id="kernel") for each in [kernel()] if each]
needs_kernel = pytest.mark.skipif(kernel() is None, reason="no kernel here: no C compiler, or no AVX-512 VNNI")
SIZES = st.integers(0, 300)
SCORES = SIZES.flatmap(
    lambda size: arrays(np.float32, size, elements=st.floats(-8, 8, width=16) | st.sampled_from([0, 1]))
)


def vectors(count, dimension=64, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("by", KERNELS)
@given(
    scores=SCORES, depth=st.integers(1, 50), floor=st.sampled_from([-np.inf, 0.0]), seed=st.none() | st.integers(0, 9)
)
def test_the_highest_are_those_of_a_stable_sort(by, scores, depth, floor, seed):
    passed = None if seed is None else np.random.default_rng(seed).random(len(scores)) < 0.5
    kept = [place for place in range(len(scores)) if scores[place] > floor and (passed is None or passed[place])]
    wanted = sorted(kept, key=lambda place: (-scores[place], place))[:depth]
    assert sorted(highest(scores, passed, floor, depth, by).tolist()) == sorted(wanted)


@needs_kernel
@pytest.mark.parametrize(
    "spread", [lambda x: x, np.round, lambda x: x * 0, lambda x: np.exp(6 * x), lambda x: np.maximum(x, 0)],
    ids=["even", "ties", "all equal", "a few far above", "half at the floor"],
)  # fmt: skip
def test_the_kernel_finds_the_same_among_many(spread):
    scores = spread(np.random.default_rng(3).standard_normal(50_000)).astype(np.float32)
    for depth in (1, 300, 1000, 49_999):
        ours, numpys = (highest(scores, None, 0.0, depth, by) for by in (kernel(), None))
        assert np.array_equal(np.sort(ours), np.sort(numpys)), depth


@given(lists=st.lists(st.lists(st.integers(0, 40)), max_size=4).filter(bool))
def test_distinct_is_the_sorted_union(lists):
    found = distinct([np.array(each, dtype=np.int64) for each in lists])
    assert found.tolist() == sorted({place for each in lists for place in each})


def estimates_of(book, query):
    """What search.c computes, in numpy: by the first half of the sketches, and by both."""
    turned = book.turn[:-1] @ (query - book.turn[-1])
    step = np.maximum(turned / 7, -turned / 8).max()
    signs = np.unpackbits(book.bits.transpose(0, 2, 1).copy().view(np.uint8), axis=-1, bitorder="little")
    signs = signs.reshape(-1, len(turned)) * 2.0 - 1
    half = max(len(turned) // WORD // 2, 1) * WORD
    factors, centres = book.numbers.astype(np.float16).astype(np.float32)
    rounded = step * np.rint(turned / step)
    first = factors * (signs[:, :half] @ rounded[:half]) * len(turned) / half + centres
    return first, factors * (signs @ rounded) + centres


@needs_kernel
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("dimension", [64, 192, 384])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 500, 20_001])
def test_the_nearest_are_the_best_by_the_formula_of_those_that_are_likely(count, dimension):
    stored, query = vectors(count, dimension).astype(np.float16), vectors(1, dimension, seed=1)[0]
    book = sketch(stored.astype(np.float32), seed=4)
    index = Index(stored, book.laid_out())
    estimates = estimates_of(book, query)[1][:count]
    likely = np.argsort(-estimates, kind="stable")[:40]
    best = likely[np.argsort(-(stored[likely].astype(np.float32) @ query))[:5]]
    (found,) = kernel().nearest(index, query[None], [None], Wanted(promising=count, likely=40, depth=5))
    assert len(found) == min(count, 5)
    assert len(set(found.tolist()) - set(best.tolist())) <= 1, "but for a tie that rounding turns"


@needs_kernel
def test_of_the_first_halves_not_many_fewer_or_more_than_are_wanted_go_on():
    stored, query = vectors(100_000, 128).astype(np.float16), vectors(1, 128, seed=1)[0]
    book = sketch(stored.astype(np.float32), seed=4)
    first = estimates_of(book, query)[0]
    (found,) = kernel().nearest(
        Index(stored, book.laid_out()), query[None], [None], Wanted(promising=2000, likely=9000, depth=9000)
    )
    assert 1800 < len(found) < 4000
    assert set(np.argsort(-first)[:1800].tolist()) <= set(found.tolist())


@needs_kernel
@pytest.mark.parametrize("dimension", [64, 384])
def test_products_are_numpys(dimension):
    stored, queries = vectors(200, dimension), vectors(3, dimension, seed=1)
    documents = [np.random.default_rng(5).integers(0, 200, count) for count in (77, 0, 9)]
    halves = stored.astype(np.float16)
    found = kernel().products(halves, documents, queries)
    for query, of_one, products in zip(queries, documents, found, strict=True):
        assert np.allclose(products, halves.astype(np.float32)[of_one] @ query, atol=1e-6)


@needs_kernel
def test_the_sketches_find_nearly_all_of_the_nearest():
    # A corpus has neighbourhoods; in pure noise everything is equally far.
    rng = np.random.default_rng(6)
    middles = vectors(40, 384, seed=7)
    stored = middles[rng.integers(0, 40, 20_000)] + 0.04 * rng.standard_normal((20_000, 384))
    stored = (stored / np.linalg.norm(stored, axis=1, keepdims=True)).astype(np.float32)
    index, exact = SketchedIndex(stored.astype(np.float16), sketch(stored, 0), kernel()), ExactIndex(stored)
    tenth = rng.random(20_000) < 0.1
    for passed in (None, tenth):
        shares = []
        for query in stored[:50]:
            found, wanted = (set(each.nearest(query[None], [passed], 10)[0].tolist()) for each in (index, exact))
            assert passed is None or passed[list(found)].all()
            shares.append(len(found & wanted) / 10)
        assert np.mean(shares) > 0.97, passed


@needs_kernel
def test_what_is_no_number_is_not_found_and_ends_the_search():
    stored = vectors(20_001)
    book = sketch(stored, 0)
    book.numbers[0] = np.nan
    index = Index(stored.astype(np.float16), book.laid_out())
    (found,) = kernel().nearest(index, stored[:1], [None], Wanted(promising=400, likely=100, depth=10))
    assert found.tolist() == []


@needs_kernel
def test_fewer_than_are_wanted_are_all_found():
    stored = vectors(30)
    index = SketchedIndex(stored.astype(np.float16), sketch(stored, 0), kernel())
    passed = np.arange(30) % 3 == 0
    (found,) = index.nearest(stored[:1], [passed], 300)
    assert sorted(found.tolist()) == list(range(0, 30, 3))


@needs_kernel
@pytest.mark.parametrize("exact", [False, True])
def test_several_queries_find_what_each_finds_alone(exact):
    stored, queries = vectors(3000), vectors(4, seed=3)
    index = ExactIndex(stored) if exact else SketchedIndex(stored.astype(np.float16), sketch(stored, 0), kernel())
    passed = [None, np.arange(3000) % 3 == 0, np.zeros(3000, dtype=np.bool_), None]
    together = index.nearest(queries[::-1], passed, 50)  # not one behind the other in memory
    for query, among, found in zip(queries[::-1], passed, together, strict=True):
        assert found.tolist() == index.nearest(query[None], [among], 50)[0].tolist()
    assert [len(found) for found in together] == [50, 50, 0, 50]
    for query, found, cosines in zip(queries, together, index.cosines(queries, together), strict=True):
        assert cosines.tolist() == index.cosines(query[None], [found])[0].tolist()


@needs_kernel
def test_threads_beside_one_another_find_what_each_finds_alone(tmp_path):
    """What a call reads must stay where it is until its end, whatever else is made and given back meanwhile."""
    stored, queries = vectors(3000), vectors(4, seed=3)
    index = SketchedIndex(stored.astype(np.float16), sketch(stored, 0), kernel())
    write_lexical([f"soup {number % 7} onion{number % 11}" for number in range(3000)], "en", tmp_path / "words")
    words = LexicalIndex.load(tmp_path / "words", "en", 3000, kernel())
    masks = [None if seed % 3 else np.random.default_rng(seed).random(3000) < 0.3 for seed in range(4)]

    def ask(start):
        passed = masks[start:] + masks[:start]
        nearest = [found.tolist() for found in index.nearest(queries, passed, 50)]
        return nearest, [found.tolist() for found in words.best(["soup 3", "onion5", "", "soup onion9"], passed, 50)[1]]

    alone = [ask(start) for start in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for start, together in enumerate(threads.map(ask, [place % 4 for place in range(400)])):
            assert together == alone[start % 4]


def test_sketches_read_back_are_the_same(tmp_path):
    stored = vectors(20)
    book = sketch(stored, 0)
    book.save(tmp_path / "book")
    again = SketchBook.load(tmp_path / "book", 20, 64)
    for name in ("bits", "numbers", "turn"):
        assert np.array_equal(getattr(again, name), getattr(book, name)), name


@pytest.mark.parametrize(("count", "dimension"), [(25, 64), (20, 128)])
def test_sketches_of_other_vectors_are_refused(tmp_path, count, dimension):
    sketch(vectors(20), 0).save(tmp_path / "book")
    with pytest.raises(Permanent, match="are not of"):
        SketchBook.load(tmp_path / "book", count, dimension)


@pytest.mark.parametrize("name", ["bits.npy", "numbers.npy", "turn.npy"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY damaged", None], ids=["empty", "damaged", "missing"])
def test_sketches_that_cannot_be_read_are_refused(tmp_path, name, content):
    sketch(vectors(20), 0).save(tmp_path / "book")
    path = tmp_path / "book" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Permanent, match="cannot be loaded"):
        SketchBook.load(tmp_path / "book", 20, 64)


def test_without_a_library_there_is_no_kernel(tmp_path):
    assert load(tmp_path / "kernel.so") is None
    (tmp_path / "kernel.so").write_bytes(b"not a library")
    assert load(tmp_path / "kernel.so") is None


def test_without_a_compiler_the_reason_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "apt install gcc" in (build(tmp_path) or "")
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_fails_leaves_nothing_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "false")
    assert "failed" in (build(tmp_path) or "")
    assert not list(tmp_path.iterdir())


@needs_kernel
def test_the_kernel_is_built_anew_beside_the_one_in_use(tmp_path):
    assert build(tmp_path) is None
    assert isinstance(load(tmp_path / "kernel.so"), Kernel)
