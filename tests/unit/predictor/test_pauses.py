"""Pauses are short, and what comes after a start is still collected."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import TYPE_CHECKING

import pytest

from predictor.pauses import keep_for_good, take_brief_turns

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Node:
    itself: object


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


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
