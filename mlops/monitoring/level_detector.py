"""A detector of lasting changes of a mean, one value at a time. Alone in importing river.

Page's cumulative sum test (Page 1954, Hinkley 1971): it adds up by how much values lie beyond their mean, less a
tolerance, and speaks when the sum exceeds a threshold.
"""

from __future__ import annotations

from river.drift import PageHinkley

TOLERANCE = 0.5  # standard deviations: half the smallest shift that is to be found quickly
THRESHOLD = 14.0  # standard deviations added up: one false alarm in some hundred thousand quiet values
WARM_UP = 1  # the caller has learned the level first


class LevelDetector:
    """Watches one series of standardised values since its last change."""

    def __init__(self) -> None:
        self._test = PageHinkley(min_instances=WARM_UP, delta=TOLERANCE, threshold=THRESHOLD, alpha=1.0, mode="both")

    def changed(self, value: float) -> bool:
        """Take a value, in standard deviations; True where the mean has changed. The next one starts anew."""
        self._test.update(value)  # type: ignore[no-untyped-call]
        return bool(self._test.drift_detected)
