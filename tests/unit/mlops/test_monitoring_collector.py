"""The bounded queue of samples."""

from __future__ import annotations

from threading import Thread

from mlops.monitoring.collector import MetricsCollector
from mlops.monitoring.statistics import Sample


class Clock:
    def __init__(self):
        self.now = 10_000.0

    def __call__(self):
        return self.now


def a_sample(at):
    return Sample(at=at, failed=False, api_latency_ms=1.0)


def test_time_passes_by_the_clock_that_was_given():
    clock = Clock()
    collector = MetricsCollector(clock)
    collector.record(a_sample(clock.now))

    before = collector.window(1).requests
    clock.now += 61

    assert (before, collector.window(1).requests, collector.window(2).requests) == (1, 0, 1)


def test_the_queue_is_bounded_and_says_when_it_was_too_short():
    clock = Clock()
    collector = MetricsCollector(clock, capacity=10)
    clock.now += 3600
    for second in range(20):
        collector.record(a_sample(clock.now + second))
    clock.now += 20

    found = collector.window(30)

    assert (len(collector), found.requests, found.complete) == (10, 10, False)
    assert found.since == clock.now - 20 + 9


def test_a_queue_that_never_overflowed_is_complete():
    clock = Clock()
    collector = MetricsCollector(clock, capacity=10)
    clock.now += 600

    assert collector.window(10).complete


def test_threads_lose_no_sample():
    clock = Clock()
    collector = MetricsCollector(clock)

    def record():
        for number in range(500):
            collector.record(a_sample(clock.now))
            if number % 100 == 0:
                collector.window(1)

    threads = [Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert collector.window(1).requests == 2000
