"""Fewer places for a moment after a refusal, and all of them again, whatever is refused meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.places import MOMENT, Places


@pytest.mark.parametrize(
    ("refused", "now", "limit"),
    [
        ([], 0.0, 34),
        ([0.0], 0.0, 18), ([0.0], 0.999, 18), ([0.0], 1.0, 34),
        ([0.0, 0.5], 1.0, 34),
        ([0.0, 1.0], 1.5, 18), ([0.0, 1.0], 2.0, 34),
    ],
    ids=[
        "nobody was refused", "at once", "for a second", "and no longer", "refusals meanwhile do not prolong it",
        "one at the whole begins it again", "which ends too",
    ],
)  # fmt: skip
def test_the_limit(refused, now, limit):
    places = Places(34, 18)
    for at in refused:
        places.refused(places.limit(at), at)
    assert places.limit(now) == limit


@given(st.lists(st.floats(0, 0.3), max_size=60), st.floats(0, 10))
def test_there_is_a_time_within_every_moment_at_which_all_places_are_open(gaps, start):
    """So no number of refusals keeps those out for ever whom the whole would hold."""
    places, now, since = Places(34, 18), start, start
    for gap in gaps:
        limit = places.limit(now)
        now += gap  # between what is found and what is told of it
        if limit == 34:
            since = now
        assert now - since <= MOMENT + 2 * max(gaps)
        places.refused(limit, now)
