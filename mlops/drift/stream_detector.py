"""A window that drops its past where that no longer fits. Alone in importing river here.

ADWIN (Bifet and Gavaldà 2007, "Learning from Time-Changing Data with Adaptive Windowing") keeps the latest values as
long as no two parts of them differ in their mean by more than chance allows.
"""

from __future__ import annotations

from river.drift import ADWIN


class AdaptiveWindow:
    """Watches one series of values between 0 and 1; `delta` is the chance that a cut of equal values is called one."""

    def __init__(self, delta: float) -> None:
        self._adwin = ADWIN(delta=delta, clock=8)  # type: ignore[no-untyped-call]

    def changed(self, value: float) -> bool:
        """Take a value; True where the mean has changed, and the values before that were dropped."""
        self._adwin.update(value)  # type: ignore[no-untyped-call]
        return bool(self._adwin.drift_detected)
