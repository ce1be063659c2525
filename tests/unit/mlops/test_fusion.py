"""Fusion: what a list of rankings becomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlops.kernel.library import kernel
from mlops.retrieval.fusion import K, Ranking, fuse

EVERYTHING = np.ones(4, dtype=np.bool_)


def ranking(*scores: float, weight: float = 1.0, name: str = "a") -> Ranking:
    return Ranking(name=name, scores=np.array(scores, dtype=np.float32), weight=weight)


def test_a_document_that_every_ranking_puts_first_scores_one():
    fused = fuse([ranking(9, 1, 0, 0), ranking(5, 0, 0, 2)], EVERYTHING, 4)
    assert fused.documents[0] == 0
    assert fused.scores[0] == pytest.approx(1.0)


def test_two_middling_ranks_beat_one_good_one():
    fused = fuse([ranking(9, 8, 0, 0), ranking(0, 8, 9, 0)], EVERYTHING, 4)
    assert fused.documents[0] == 1


def test_a_document_nobody_ranks_is_not_returned():
    fused = fuse([ranking(1, 0, 0, 0)], EVERYTHING, 4)
    assert fused.documents.tolist() == [0]


def test_ties_go_to_the_lower_number():
    fused = fuse([ranking(2, 2, 2, 2)], EVERYTHING, 2)
    assert fused.documents.tolist() == [0, 1]


def test_what_did_not_pass_the_filters_is_never_returned_and_takes_no_rank():
    passed = np.array([False, True, True, True])
    fused = fuse([ranking(9, 8, 7, 0)], passed, 4)
    assert fused.documents.tolist() == [1, 2]
    assert fused.ranks[0].tolist() == [1, 2]


def test_having_every_ingredient_outweighs_any_rank():
    bonus = np.array([0.5, 0.5, 0.5, 1.0], dtype=np.float32)
    fused = fuse([ranking(9, 8, 7, 1), ranking(9, 8, 7, 1)], EVERYTHING, 4, bonus)
    assert fused.documents[0] == 3


def test_nothing_passed_gives_an_empty_ranking():
    fused = fuse([ranking(9, 8, 7, 1)], np.zeros(4, dtype=np.bool_), 4)
    assert len(fused.documents) == 0


def test_a_weight_scales_the_share_of_its_ranking():
    fused = fuse([ranking(1, 0, 0, 0, weight=3.0), ranking(1, 0, 0, 0)], EVERYTHING, 1)
    assert fused.shares[0][0] == pytest.approx(3 * fused.shares[1][0])


SCORES = arrays(np.float32, 30, elements=st.floats(-1, 10, width=32))


@given(st.lists(SCORES, min_size=1, max_size=4), st.integers(1, 40), arrays(np.bool_, 30))
def test_fused_rankings_are_ordered_explained_and_bounded(lists, k, passed):
    fused = fuse([ranking(*scores) for scores in lists], passed, k)
    assert len(fused.documents) == len(set(fused.documents.tolist())) <= k
    assert passed[fused.documents].all()
    assert (np.diff(fused.scores) <= 0).all()
    assert ((fused.scores > 0) & (fused.scores <= 1 + 1e-9)).all()
    assert np.allclose(np.sum(fused.shares, axis=0), fused.scores)


@given(SCORES)
def test_one_ranking_alone_keeps_its_order(scores):
    fused = fuse([ranking(*scores)], np.ones(30, dtype=np.bool_), 30)
    expected = [index for index in np.argsort(-scores, kind="stable") if scores[index] > 0]
    assert fused.documents.tolist() == expected
    assert np.allclose(fused.scores, [(K + 1) / (K + rank) for rank in range(1, len(expected) + 1)])


SCORES = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1e-30, 0.25, 0.5, 1.0, 3.0]) | st.floats(-2, 2, width=32)


@pytest.mark.skipif(kernel() is None, reason="the kernel is not built here, or not for this CPU")
@given(data=st.data(), documents=st.integers(1, 700), count=st.integers(1, 3), k=st.integers(1, 800))
def test_the_kernel_fuses_to_the_bit(data, documents, count, k):
    few = st.integers(0, 2**32 - 1).map(np.random.default_rng)
    levels = np.array(data.draw(st.lists(SCORES, min_size=2, max_size=40)), dtype=np.float32)
    rankings = [
        Ranking(
            name="a",
            scores=data.draw(few).choice(levels, documents),
            weight=data.draw(st.sampled_from([1.0, 0.5])),
            floor=data.draw(st.sampled_from([0.0, -np.inf])),
        )
        for _ in range(count)
    ]
    had = np.array([0, 1 / 3, 2 / 3, 1], dtype=np.float32)
    bonus = data.draw(few).choice(had, documents) if data.draw(st.booleans()) else None
    by_steps, at_once = (fuse(rankings, None, k, bonus, each) for each in (None, kernel()))
    for name in ("documents", "scores", "ranks", "shares"):
        one, other = (np.asarray(getattr(each, name)) for each in (by_steps, at_once))
        assert one.dtype == other.dtype, name
        assert np.array_equal(one, other), name
