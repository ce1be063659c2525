"""From which query on something else is asked: what river's window finds in a stream, and what it leaves alone."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlops.drift.stream import changes
from mlops.drift.stream_detector import AdaptiveWindow
from mlops.drift.windows import QueryEvent, Window

START = datetime(2026, 6, 1, tzinfo=UTC)
SAVOURY = ("lentil soup", "fish stew", "beef pie", "roast chicken with peas")
SWEET = ("apple cake", "plum tart", "lemon ice", "vanilla pudding with cream")


def stream(seed, number, *, sweet=0.0, spanish=0.0, onset=0, shuffled=False):
    """Queries a minute apart; the shares hold from the query `onset` on, and are 0.1 before."""
    rng = random.Random(seed)  # noqa: S311 - seeded draws, not secrets
    events = []
    for place in range(number):
        sweets, others = (sweet, spanish) if place >= onset else (0.1, 0.1)
        text = rng.choice(SWEET if rng.random() < sweets else SAVOURY)
        language = "es" if rng.random() < others else "en"
        at = START + timedelta(minutes=place)
        events.append(QueryEvent(query=text, language=language, at=at, fields={}))
    if shuffled:
        rng.shuffle(events)
    return Window(events=tuple(events), left_out={})


def encode(texts):
    """Two dimensions in which sweets and the rest lie apart, with a little of the text itself."""
    return np.array([[text in SWEET, len(text) / 50] for text in texts], dtype=np.float32)


def found(reference, current, encode=None):
    return {change.feature: change for change in changes(reference, current, AdaptiveWindow, encode=encode)}


USUAL = {"sweet": 0.1, "spanish": 0.1}


@pytest.mark.parametrize("size", [100, 400, 2_000])
def test_a_stream_of_the_same_is_left_alone(size):
    for seed in range(10):
        assert not found(stream(seed, 1_000, **USUAL), stream(100 + seed, size, **USUAL), encode)


def test_a_change_within_the_stream_is_placed_at_its_query_and_time():
    change = found(stream(1, 1_000, **USUAL), stream(2, 800, sweet=0.1, spanish=0.5, onset=400))["share of Spanish"]
    assert 370 <= change.place <= 430
    assert change.at == START + timedelta(minutes=change.place)
    assert change.before == pytest.approx(0.1, abs=0.05)
    assert change.now == pytest.approx(0.5, abs=0.08)
    assert change.told.startswith("share of Spanish 0.")


def test_times_and_not_places_in_the_file_are_the_order():
    current = stream(2, 800, sweet=0.1, spanish=0.6, onset=400, shuffled=True)
    assert 370 <= found(stream(1, 1_000, **USUAL), current)["share of Spanish"].place <= 430


def test_another_meaning_of_as_many_words_is_found():
    reference, current = stream(1, 1_000, **USUAL), stream(2, 800, sweet=0.5, spanish=0.1)
    assert not found(reference, current).keys() - {"words in a query"}
    assert any(feature.startswith("meaning") for feature in found(reference, current, encode))


def test_what_differed_within_the_reference_is_no_change_since():
    reference = stream(1, 1_000, sweet=0.1, spanish=0.6, onset=500)
    assert not found(reference, stream(2, 300, sweet=0.1, spanish=0.6))


def test_of_a_long_stream_every_so_manieth_query_is_looked_at():
    texts = []

    def counting(asked):
        texts.extend(asked)
        return encode(asked)

    reference, current = stream(1, 9_000, **USUAL), stream(2, 9_000, sweet=0.1, spanish=0.5, onset=6_000)
    each = [
        Window(events=tuple(replace(event, query=f"{event.query} {place}") for place, event in enumerate(window.events)),
               left_out={})
        for window in (reference, current)
    ]  # fmt: skip
    change = found(*each, counting)["share of Spanish"]
    assert 5_500 <= change.place <= 6_500
    assert change.at == START + timedelta(minutes=change.place)
    assert len(texts) <= 4_000


@pytest.mark.parametrize(("before", "now"), [(0, 400), (49, 400), (400, 0), (400, 49)])
def test_too_few_queries_tell_nothing(before, now):
    assert (
        changes(stream(1, before, **USUAL), stream(2, now, sweet=1.0, spanish=1.0), AdaptiveWindow, encode=None) == ()
    )
