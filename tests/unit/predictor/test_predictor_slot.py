"""The slot: what it holds, who is answered by which version, and swaps under traffic."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.errors import Invalid
from predictor.slot import NotServing, Share, Slot
from tests.fakes.recommender import fake_model

OLD, NEW, NEWER = "1.0.0", "1.1.0", "1.2.0"
NAMED = {"old": OLD, "new": NEW, "newer": NEWER}
USERS = [f"u-{number}" for number in range(10_000)]
# Five standard deviations of 10,000 draws at the worst share, a half.
MARGIN = 0.025


def split(**weights: int) -> Slot:
    slot = Slot()
    slot.serve(shares(*((NAMED[name], weight) for name, weight in weights.items())))
    return slot


def shares(*given):
    return [Share(fake_model(version), weight) for version, weight in given]


def users_of(slot, version, users=USERS):
    return {user for user in users if slot.choose(user).version == version}


def test_an_empty_slot_says_that_it_is_loading():
    slot = Slot()

    assert (slot.serving, slot.weights) == (False, {})
    with pytest.raises(NotServing, match="still loading"):
        slot.current()
    with pytest.raises(NotServing, match="still loading"):
        slot.choose("u-1")


def test_a_failed_load_is_told():
    slot = Slot()
    slot.fail("bad digest")

    with pytest.raises(NotServing, match="bad digest"):
        slot.current()


def test_a_failed_load_leaves_what_was_served():
    slot = split(old=90, new=10)
    slot.fail("bad digest")

    assert (slot.current().version, slot.weights, slot.state.failure) == (OLD, {OLD: 90, NEW: 10}, "bad digest")


def test_a_swap_returns_what_was_served_and_clears_the_failure():
    slot = Slot()
    first, second = fake_model("1.0.0"), fake_model("2.0.0")
    slot.fail("bad digest")

    assert slot.swap(first) is None
    assert slot.swap(second) is first
    assert (slot.current(), slot.weights, slot.state.failure) == (second, {"2.0.0": 100}, None)


def test_a_cleared_slot_serves_nothing_and_says_why():
    slot = split(old=90, new=10)
    slot.clear()

    assert (slot.serving, slot.weights, slot.state.served) == (False, {}, None)
    with pytest.raises(NotServing, match="no version is in production"):
        slot.choose("u-1")


def test_the_weights_are_read_back_base_first():
    slot = split(old=75, new=20, newer=5)

    assert list(slot.weights.items()) == [(OLD, 75), (NEW, 20), (NEWER, 5)]
    assert slot.current() is slot.state.served is slot.state.shares[0].served


REFUSED = {
    "nothing": ((), "nothing"),
    "too little": (((OLD, 90), (NEW, 9)), "sum to 100: 1.0.0 90 %, 1.1.0 9 %"),
    "too much": (((OLD, 90), (NEW, 11)), "sum to 100"),
    "a share of nobody": (((OLD, 100), (NEW, 0)), "1 to 100"),
    "less than nobody": (((OLD, 110), (NEW, -10)), "1 to 100"),
    "a version twice": (((OLD, 50), (OLD, 50)), "each version may have one share"),
}


@pytest.mark.parametrize(("given", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_split_that_cannot_be_is_refused_and_the_old_one_stays(given, reason):
    slot = split(old=90, new=10)

    with pytest.raises(Invalid, match=reason):
        slot.serve(shares(*given))

    assert slot.weights == {OLD: 90, NEW: 10}


def test_two_models_in_one_split_are_refused():
    with pytest.raises(Invalid, match="one model: recipes, drinks"):
        Slot().serve([Share(fake_model(OLD), 50), Share(fake_model(NEW, name="drinks"), 50)])


def test_one_share_of_all_answers_everybody():
    assert users_of(split(new=100), NEW) == set(USERS)


SPLITS = [{"old": 99, "new": 1}, {"old": 90, "new": 10}, {"old": 50, "new": 50}, {"old": 1, "new": 99},
          {"old": 60, "new": 25, "newer": 15}, {"old": 1, "new": 1, "newer": 98}]  # fmt: skip


@pytest.mark.parametrize("weights", SPLITS, ids=str)
def test_each_version_answers_its_share_of_users(weights):
    slot = split(**weights)

    for version, weight in slot.weights.items():
        assert len(users_of(slot, version)) / len(USERS) == pytest.approx(weight / 100, abs=MARGIN)


def test_not_always_the_same_users_try_what_is_new():
    first, second = (
        users_of(split(old=90, new=10), NEW),
        users_of(split(old=90, newer=10), NEWER),
    )

    assert len(first & second) / len(first) == pytest.approx(0.1, abs=0.05)


def test_a_user_is_placed_alike_in_every_process():
    placed = split(old=80, new=20)

    assert [user for user in USERS[:20] if placed.choose(user).version == NEW] == ["u-16", "u-17", "u-19"]


WEIGHTS = st.integers(1, 99)
ANY_USERS = st.lists(st.text(st.characters(), max_size=40), max_size=60)


@given(weights=st.lists(WEIGHTS, min_size=2, max_size=8).map(sorted), users=ANY_USERS)
def test_a_growing_weight_only_adds_users(weights, users):
    sets = [users_of(split(old=100 - weight, new=weight), NEW, users) for weight in weights]

    assert all(fewer <= more for fewer, more in pairwise(sets))


@given(before=WEIGHTS, weight=WEIGHTS, users=ANY_USERS)
def test_a_rollback_returns_the_same_users(before, weight, users):
    slot = split(old=100 - before, new=before)
    placed = {user: slot.choose(user).version for user in users}
    came = users_of(slot, NEW, users)

    slot.serve(shares((OLD, 100)))
    assert users_of(slot, OLD, users) == set(users)
    slot.serve(shares((OLD, 100 - weight), (NEW, weight)))
    again = users_of(slot, NEW, users)
    assert again <= came if weight <= before else came <= again
    slot.serve(shares((OLD, 100 - before), (NEW, before)))
    assert {user: slot.choose(user).version for user in users} == placed


@given(new=st.integers(1, 40), fewer=st.integers(1, 29), more=st.integers(1, 29), users=ANY_USERS)
def test_a_third_version_takes_users_of_the_others_and_gives_none_of_the_second_to_the_base(new, fewer, more, users):
    less, much = sorted((fewer, more))
    before = split(old=100 - new - less, new=new, newer=less)
    after = split(old=100 - new - much, new=new, newer=much)

    assert users_of(before, NEWER, users) <= users_of(after, NEWER, users)
    assert users_of(before, OLD, users) >= users_of(after, OLD, users)


@settings(max_examples=20, deadline=None)
@given(weight=WEIGHTS, version=st.sampled_from(["1.1.0", "2.0.0-rc.1", "10.20.30+build.7"]))
def test_shares_hold_whatever_the_version_and_the_weight(weight, version):
    slot = Slot()
    slot.serve(shares((OLD, 100 - weight), (version, weight)))

    assert len(users_of(slot, version)) / len(USERS) == pytest.approx(weight / 100, abs=MARGIN)


def test_readers_during_swaps_see_one_split_or_the_other():
    slot = Slot()
    splits = [shares((OLD, 90), (NEW, 10)), shares((NEW, 100)), shares((OLD, 50), (NEW, 40), (NEWER, 10))]
    slot.serve(splits[0])
    seen = []

    def read():
        for number in range(2000):
            weights = slot.weights
            seen.append((slot.choose(f"u-{number}").version, tuple(weights), sum(weights.values())))

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1000):
        slot.serve(splits[number % 3])
    for reader in readers:
        reader.join()

    assert len(seen) == 6000
    assert {version for version, _, _ in seen} <= {OLD, NEW, NEWER}
    assert {(versions, total) for _, versions, total in seen} <= {
        ((OLD, NEW), 100),
        ((NEW,), 100),
        ((OLD, NEW, NEWER), 100),
    }
