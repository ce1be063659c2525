"""The bounded queue of samples that one process keeps of its own requests."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from mlops.monitoring.statistics import WindowStatistics, window_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.monitoring.statistics import Sample


class MetricsCollector:
    """Keeps the newest `capacity` samples (about 250 bytes each). Safe to call from several threads.

    `clock` returns Unix seconds. When the queue is full the oldest sample goes, and `window` says so.
    """

    def __init__(self, clock: Callable[[], float], *, capacity: int = 50_000) -> None:
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=capacity)
        self._lock = Lock()
        self._known_since = clock()

    def record(self, sample: Sample) -> None:
        """Keep `sample`; samples come in about the order of their time."""
        with self._lock:
            if len(self._samples) == self._samples.maxlen:
                self._known_since = max(self._known_since, self._samples[0].at)
            self._samples.append(sample)

    def window(self, minutes: int) -> WindowStatistics:
        """Summarize the last `minutes`."""
        with self._lock:
            samples = list(self._samples)
            known_since = self._known_since
        return window_statistics(samples, minutes=minutes, now=self._clock(), known_since=known_since)

    def __len__(self) -> int:
        return len(self._samples)
