"""Ids of requests and answers are random UUIDs, and nobody gets one twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from predictor.random_ids import RandomIds


def test_each_is_a_random_uuid():
    new_id = RandomIds()
    for _ in range(1000):
        text = new_id()
        read = UUID(text)
        assert (str(read), read.version, read.variant) == (text, 4, RFC_4122)


def test_no_two_are_the_same_whichever_thread_asks():
    new_id = RandomIds()
    with ThreadPoolExecutor(8) as threads:
        made = [one for some in threads.map(lambda _: [new_id() for _ in range(2000)], range(8)) for one in some]
    assert len(set(made)) == len(made) == 16_000


def test_every_digit_that_is_not_fixed_comes_out_as_anything():
    new_id = RandomIds()
    columns = [set(column) for column in zip(*(new_id() for _ in range(2000)), strict=True)]
    fixed = {8: {"-"}, 13: {"-"}, 14: {"4"}, 18: {"-"}, 19: set("89ab"), 23: {"-"}}
    assert columns == [fixed.get(place, set("0123456789abcdef")) for place in range(36)]
