"""The second thread that helps with a question that is alone: what it finds, and that it helps."""

import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from mlops.kernel.build import LIBRARY
from mlops.kernel.library import kernel, load, processors
from mlops.retrieval.lexical import LexicalIndex
from mlops.retrieval.semantic import SketchedIndex
from mlops.retrieval.sketches import sketch

pytestmark = [
    pytest.mark.skipif(kernel() is None, reason="no kernel here: no C compiler, or no AVX-512 VNNI"),
    pytest.mark.skipif(sys.platform != "linux", reason="what a thread did is told by /proc"),
    pytest.mark.skipif(processors() == 1, reason="one processor: there is nobody to help"),
]


@pytest.fixture(scope="module")
def helped(tmp_path_factory):
    """A kernel with a companion: a library of its own, for the other tests have none."""
    found = load(shutil.copy(LIBRARY, tmp_path_factory.mktemp("kernel")))
    assert found.call_companion()
    assert found.call_companion(), "the same one"
    return found


def vectors(count, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def indexed(stored, by):
    return SketchedIndex(stored.astype(np.float16), sketch(stored, 0), by)


def busy_nanoseconds():
    """What threads of that name had of the processors."""
    threads = Path("/proc/self/task").iterdir()
    return [
        int((each / "schedstat").read_text().split()[0])
        for each in threads
        if (each / "comm").read_text() == "companion\n"
    ]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 33, 9_000, 20_001])
def test_two_threads_find_what_one_finds(helped, count):
    stored, queries = vectors(count), vectors(20, seed=1)
    # Of twins the first is to be found, whoever looks at which half.
    stored[count // 2 :] = stored[: count - count // 2]
    alone, together = (indexed(stored, by) for by in (kernel(), helped))
    for passed in (None, np.arange(count) % 3 == 0, np.arange(count) < 0):
        for query in queries:
            ours, wanted = (each.nearest(query[None], [passed], 300)[0] for each in (together, alone))
            assert np.array_equal(np.sort(ours), np.sort(wanted))


@pytest.mark.parametrize("count", [1, 300, 16_384, 16_385, 50_000])
def test_two_threads_add_words_up_as_one(helped, count):
    rng = np.random.default_rng(2)
    held = [np.flatnonzero(rng.random(count) < share).astype(np.int32) for share in (0.5, 0.1, 0.001, 0)]
    starts = np.cumsum([0, *map(len, held)], dtype=np.int64)
    values = rng.random(starts[-1]).astype(np.float32).round(1)  # with ties
    terms = {"soup": 0, "onion": 1, "rice": 2, "egg": 3}
    alone, together = (
        LexicalIndex(terms, (starts, np.concatenate(held), values), "en", count, by) for by in (kernel(), helped)
    )
    for text in ["soup onion rice egg", "rice", "egg", ""] * 5:
        for passed in (None, np.arange(count) % 3 == 0):
            (ours, (our_best,)), (scores, (best,)) = (each.best([text], [passed], 300) for each in (together, alone))
            assert np.array_equal(ours, scores)
            assert np.array_equal(np.sort(our_best), np.sort(best))


def test_it_is_one_thread_and_it_helps(helped):
    index, queries = indexed(vectors(9_000), helped), vectors(20, seed=1)
    (before,) = busy_nanoseconds()
    until = monotonic() + 60  # where others use the processors it is let alone for a while
    while busy_nanoseconds()[0] < before + 1_000_000 and monotonic() < until:
        for query in queries:
            index.nearest(query[None], [None], 300)
    (after,) = busy_nanoseconds()
    assert after >= before + 1_000_000


def test_threads_beside_one_another_find_what_each_finds_alone(helped):
    stored, queries = vectors(9_000), vectors(8, seed=1)
    alone, together = (indexed(stored, by) for by in (kernel(), helped))

    def ask(place, index=together):
        return np.sort(index.nearest(queries[place : place + 1], [None], 300)[0]).tolist()

    wanted = [ask(place, alone) for place in range(8)]
    with ThreadPoolExecutor(3) as threads:
        for place, found in enumerate(threads.map(ask, [place % 8 for place in range(400)])):
            assert found == wanted[place % 8]


def test_a_child_of_the_process_finds_the_same_without_it_and_may_call_its_own(helped):
    stored, query = vectors(9_000), vectors(1, seed=1)
    index = indexed(stored, helped)
    wanted = index.nearest(query, [None], 300)[0].tolist()
    child = os.fork()
    if not child:  # whatever happens in here must not come back into the tests
        found = False
        try:
            signal.alarm(60)
            without = index.nearest(query, [None], 300)[0].tolist()
            found = helped.call_companion() and without == wanted == index.nearest(query, [None], 300)[0].tolist()
        finally:
            os._exit(not found)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert index.nearest(query, [None], 300)[0].tolist() == wanted
