"""The slot: what it holds, and swaps under traffic."""

from __future__ import annotations

from threading import Thread

import pytest

from predictor.slot import NotServing, Slot
from tests.fakes.recommender import fake_model


def test_an_empty_slot_says_that_it_is_loading():
    slot = Slot()

    assert not slot.serving
    with pytest.raises(NotServing, match="still loading"):
        slot.current()


def test_a_failed_load_is_told():
    slot = Slot()
    slot.fail("bad digest")

    with pytest.raises(NotServing, match="bad digest"):
        slot.current()


def test_a_failed_swap_leaves_what_was_served():
    slot = Slot()
    slot.swap(fake_model("1.0.0"))
    slot.fail("bad digest")

    assert (slot.current().version, slot.state.failure) == ("1.0.0", "bad digest")


def test_a_swap_returns_what_was_served_and_clears_the_failure():
    slot = Slot()
    first, second = fake_model("1.0.0"), fake_model("2.0.0")
    slot.fail("bad digest")

    assert slot.swap(first) is None
    assert slot.swap(second) is first
    assert (slot.current(), slot.state.failure) == (second, None)


def test_readers_during_swaps_see_one_model_or_the_other():
    slot = Slot()
    models = [fake_model("1.0.0"), fake_model("2.0.0")]
    slot.swap(models[0])
    seen = []

    def read():
        seen.extend(slot.current().version for _ in range(2000))

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1000):
        slot.swap(models[number % 2])
    for reader in readers:
        reader.join()

    assert len(seen) == 6000
    assert set(seen) <= {"1.0.0", "2.0.0"}
