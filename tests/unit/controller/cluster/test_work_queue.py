"""Keys: each once, never two workers on one, some only later. Time is an argument, so nothing waits here."""

from __future__ import annotations

from controller.cluster.work_queue import WorkQueue


class Timer:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def queue():
    timer = Timer()
    return WorkQueue(timer), timer


def drain(work):
    """Everything that is ready now, given back at once."""
    taken = []
    while work.depth:
        key = work.take()
        taken.append(key)
        work.done(key)
    return taken


def test_a_key_put_in_twice_is_worked_on_once_and_in_order():
    work, _ = queue()
    for key in ("soups", "cakes", "soups"):
        work.add(key)

    assert drain(work) == ["soups", "cakes"]


def test_a_key_that_changes_while_it_is_worked_on_comes_again_afterwards():
    work, _ = queue()
    work.add("soups")
    key = work.take()
    work.add("soups")
    work.add("soups")

    assert work.depth == 1
    work.add("cakes")
    assert work.take() == "cakes"  # not soups: somebody is at it
    work.done(key)
    assert work.take() == "soups"


def test_a_later_key_comes_when_it_is_due_and_the_soonest_time_counts():
    work, timer = queue()
    work.add_after("soups", 30)
    work.add_after("soups", 5)
    work.add_after("soups", 60)

    assert drain(work) == []
    timer.now = 5
    assert drain(work) == ["soups"]
    timer.now = 100
    assert drain(work) == []


def test_a_closed_queue_hands_out_nothing():
    work, _ = queue()
    work.add("soups")
    work.close()

    assert work.take() is None
