"""The bounded queue of samples that one process keeps of its own requests."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from mlops.monitoring.statistics import WindowStatistics, window_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.monitoring.sample_log import SampleLog
    from mlops.monitoring.statistics import Sample


CAPACITY = 50_000  # samples that one process keeps


class MetricsCollector:
    """Keeps the newest `capacity` samples (about 250 bytes each). Safe to call from several threads.

    `clock` returns Unix seconds. When the queue is full the oldest sample goes, and `window` says so. `log` is told of
    each, where they are to outlive the process.
    """

    def __init__(self, clock: Callable[[], float], log: SampleLog | None = None, *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._log = log
        self._samples: deque[Sample] = deque(maxlen=capacity)
        self._lock = Lock()
        self._known_since = clock()

    def restore(self, samples: Sequence[Sample]) -> None:
        """Begin with what the process before this one measured, in the order of its time; what it did not is quiet."""
        with self._lock:
            together = [*samples, *self._samples]
            self._samples = deque(together, maxlen=self._samples.maxlen)
            if samples:
                self._known_since = min(self._known_since, self._samples[0].at)

    def newest(self, seconds: float) -> list[Sample]:
        """The samples of the last `seconds`, in about the order of their time."""
        since = self._clock() - seconds
        with self._lock:  # held for a copy only: every request records through it
            samples = list(self._samples)
        return [sample for sample in samples if sample.at > since]

    def record(self, sample: Sample) -> None:
        """Keep `sample`; samples come in about the order of their time."""
        if self._log is not None:
            self._log.keep(sample)
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
