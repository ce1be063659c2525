"""Pauses are short, and what comes after a start is still collected."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import weakref
from threading import Thread, get_native_id
from typing import TYPE_CHECKING

import pytest

from predictor.pauses import collect_rarely, keep_for_good, step_back, take_brief_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Node:
    itself: object


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def _cycle() -> weakref.ref[_Node]:
    node = _Node()
    node.itself = node
    return weakref.ref(node)


def test_a_thread_at_work_hands_over_ten_times_sooner_than_by_default() -> None:
    sys.setswitchinterval(0.005)
    take_brief_turns()
    assert sys.getswitchinterval() == pytest.approx(0.0005)


def test_what_is_there_is_not_searched_again_and_what_comes_later_is() -> None:
    kept = _cycle()
    keep_for_good()
    later = _cycle()
    gc.collect()
    assert kept() is not None
    assert later() is None


@pytest.mark.parametrize("rarely", [collect_rarely, keep_for_good])
def test_what_comes_later_is_searched_more_rarely_than_by_default_and_still_without_being_asked(
    rarely: Callable[[], None],
) -> None:
    gc.collect()
    rarely()
    lost = _cycle()
    made = []
    while lost() is not None and len(made) < 100_000:
        made.append(_Node())
    assert 700 < len(made) < 20_000


_QUERIES = """
import resource, sys, threading
import numpy as np
from predictor.pauses import keep_memory

def faults():
    def query():
        arrays = [np.ones(1_000_000, dtype=np.float32) for _ in range(3)]
        del arrays
    for _ in range(3):
        query()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        query()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

if "kept" in sys.argv:
    keep_memory()
for work in (faults, faults):  # here, and in a thread, which has a heap of its own
    work()
    thread = threading.Thread(target=faults)
    thread.start()
    thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_what_a_query_gives_back_is_there_for_the_next_one() -> None:
    """Three arrays of 4 MB are 3,000 pages, made anew twenty times or hardly once."""

    def faults(*flags: str) -> list[int]:
        done = subprocess.run([sys.executable, "-c", _QUERIES, *flags], capture_output=True, text=True, check=True)
        return [int(line) for line in done.stdout.split()]

    assert max(faults("kept")) < 6_000
    assert min(faults()) > 20_000, "if glibc keeps them by itself, keep_memory is no longer needed"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_a_thread_that_steps_back_steps_back_alone() -> None:
    here, behind = os.getpriority(os.PRIO_PROCESS, 0), []

    def back() -> None:
        step_back()
        behind.append(os.getpriority(os.PRIO_PROCESS, get_native_id()))

    thread = Thread(target=back)
    thread.start()
    thread.join()

    assert behind == [min(here + 5, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == here


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_where_stepping_back_is_forbidden_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    step_back()
