"""Answers are small as bytes, by the example of the first, and come back the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from isal import isal_zlib

from mlops.recommendation import Ask
from predictor.answers import recipes_json
from predictor.packing import Packing
from tests.fakes.recommender import fake_model


def answered(text, **more):
    answer = fake_model().recommender.recommend(Ask(text=text, **more))
    return answer, recipes_json(answer)


@pytest.mark.parametrize("first", [1, 10, 50])
def test_whatever_comes_first_all_come_back(first):
    packing = Packing()
    answers = [answered("soup", k=first), *(answered(f"stew {number}", k=number) for number in range(1, 50, 7))]

    packed = [packing.pack(answer, recipes) for answer, recipes in answers]

    back = [packing.unpack(each, 0.5) for each in packed]
    assert [(each.recipes, each.seconds) for each in back] == [(recipes, 0.5) for _, recipes in answers]
    assert [hit.id for each in back for hit in each.answer.hits] == [hit.id for each, _ in answers for hit in each.hits]


def test_what_the_first_says_too_takes_no_place():
    packing, (answer, recipes) = Packing(), answered("stew", k=1)
    packing.pack(*answered("soup"))

    by_itself = isal_zlib.compress(recipes, isal_zlib.ISAL_BEST_SPEED)
    assert len(packing.pack(answer, recipes)) < len(by_itself)


def test_threads_that_begin_at_once_pack_by_the_same_example():
    packing, answers = Packing(), [answered(f"soup {number}") for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(lambda each: packing.pack(*each), answers))

    assert [packing.unpack(each, 0.0).recipes for each in packed] == [recipes for _, recipes in answers]
