"""Samples by columns say what the samples said, whatever was pushed out."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mlops.monitoring.columns import SampleQueue
from mlops.monitoring.statistics import Sample
from tests.builders.samples import columns_of

NUMBERS = st.none() | st.floats(0, 1e6)
COUNTS = st.none() | st.integers(0, 50)
SAMPLES = st.builds(
    Sample, at=st.floats(0, 2e9), failed=st.booleans(), api_latency_ms=st.floats(0, 1e6), translation_latency_ms=NUMBERS,
    num_recipes=COUNTS, top_score=NUMBERS, language=st.none() | st.sampled_from(["en", "es", "de"]), words=COUNTS,
)  # fmt: skip


@given(st.lists(SAMPLES, max_size=30), st.integers(1, 12))
def test_the_newest_are_there_in_their_order_with_every_number(samples, capacity):
    queue = SampleQueue(capacity)
    for sample in samples:
        queue.append(sample)
    kept, columns = samples[-capacity:], queue.columns()

    assert len(queue) == len(columns) == len(kept)
    assert columns.at.tolist() == [sample.at for sample in kept]
    assert columns.failed.tolist() == [sample.failed for sample in kept]
    for name in ("api_latency_ms", "translation_latency_ms", "num_recipes", "top_score", "words"):
        values = [getattr(sample, name) for sample in kept]
        assert columns.known(name).tolist() == [value for value in values if value is not None]
        assert [math.isnan(value) for value in columns.all_of(name)] == [value is None for value in values]
    if kept:
        assert queue.oldest_at == kept[0].at


@given(st.lists(SAMPLES, max_size=30))
def test_a_language_is_one_number(samples):
    numbers = columns_of(samples).known("language")
    spoken = [sample.language for sample in samples if sample.language is not None]
    assert len(set(zip(spoken, numbers, strict=True))) == len(set(spoken)) == len(set(numbers))


def test_a_copy_does_not_change_with_what_comes_after_it():
    queue = SampleQueue(2)
    for at in (1.0, 2.0):
        queue.append(Sample(at=at, failed=False, api_latency_ms=1.0))
    columns = queue.columns()
    queue.append(Sample(at=3.0, failed=False, api_latency_ms=1.0))
    assert columns.at.tolist() == [1.0, 2.0]
