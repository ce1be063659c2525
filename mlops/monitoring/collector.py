"""The bounded queue of samples that one process keeps of its own requests."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from mlops.monitoring.columns import SampleQueue
from mlops.monitoring.statistics import WindowStatistics, window_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.monitoring.columns import Columns
    from mlops.monitoring.sample_log import SampleLog
    from mlops.monitoring.statistics import Sample


CAPACITY = 50_000  # samples that one process keeps


class MetricsCollector:
    """Keeps the newest `capacity` samples. Safe to call from several threads.

    `clock` returns Unix seconds. When the queue is full the oldest sample goes, and `window` says so. `log` is told of
    each, where they are to outlive the process.
    """

    def __init__(self, clock: Callable[[], float], log: SampleLog | None = None, *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._log = log
        self._samples = SampleQueue(capacity)
        self._lock = Lock()
        self._known_since = clock()

    def restore(self, samples: Sequence[Sample]) -> None:
        """Begin with what the process before this one measured, in the order of its time; what it did not is quiet.

        Before anything is recorded.
        """
        with self._lock:
            for sample in samples:
                self._samples.append(sample)
            if samples:
                self._known_since = min(self._known_since, self._samples.oldest_at)

    def newest(self, seconds: float) -> Columns:
        """The samples of the last `seconds`, in about the order of their time."""
        since = self._clock() - seconds
        with self._lock:  # held for a copy only: every request records through it
            samples = self._samples.columns()
        return samples.where(samples.at > since)

    def record(self, sample: Sample) -> None:
        """Keep `sample`; samples come in about the order of their time."""
        if self._log is not None:
            self._log.keep(sample)
        with self._lock:
            gone = self._samples.append(sample)
            if gone is not None:
                self._known_since = max(self._known_since, gone)

    def window(self, minutes: int) -> WindowStatistics:
        """Summarize the last `minutes`."""
        with self._lock:
            samples = self._samples.columns()
            known_since = self._known_since
        return window_statistics(samples, minutes=minutes, now=self._clock(), known_since=known_since)

    def __len__(self) -> int:
        return len(self._samples)
