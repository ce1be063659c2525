"""Looks at what a process measures every some seconds, and tells somebody of what is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import structlog

from mlops.errors import MlopsError
from mlops.monitoring.alerts import Finding, Kind, Severity, Terms, firing, follow
from mlops.monitoring.findings import Limits, drifting, in_minutes, in_samples, stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlops.monitoring.alerts import Alert, Key, Notice
    from mlops.monitoring.anomalies import Detector
    from mlops.monitoring.collector import MetricsCollector
    from predictor.ports import Component

EVERY_SECONDS = 15.0
_SPAN = 86_400.0  # how far back is looked, in seconds
# What an unwell component is an alert about.
_KINDS = {"model": Kind.MODEL, "index": Kind.MODEL, "translator": Kind.TRANSLATOR, "registry": Kind.REGISTRY,
          "feedback_store": Kind.FEEDBACK, "disk": Kind.DISK}  # fmt: skip

_log = structlog.stdlib.get_logger("monitoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is looked at: samples, the components of the service, and when the model in production was trained."""

    collector: MetricsCollector
    components: Callable[[], Mapping[str, Component]]
    trained_at: Callable[[], float | None]
    detector: Callable[[], Detector]
    clock: Callable[[], float]


class Watch:
    """The alerts of one process. `tell` is given the notices of a look, where there are any."""

    def __init__(
        self,
        watched: Watched,
        limits: Limits,
        terms: Terms,
        tell: Callable[[Sequence[Notice]], None] = lambda _: None,
    ) -> None:
        self._watched = watched
        self._limits = limits
        self._terms = terms
        self._tell = tell
        self._alerts: dict[Key, Alert] = {}
        # What is looked for once a minute, and in which minute it was found.
        self._odd: tuple[int, tuple[Finding, ...]] = (0, ())
        self._lock = Lock()

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that count now, the worst first."""
        with self._lock:
            return firing(self._alerts)

    def look(self) -> None:
        """Look once, and tell."""
        now = self._watched.clock()
        findings = tuple(self._findings(now))
        with self._lock:
            self._alerts, notices = follow(self._alerts, findings, now, self._terms)
        for notice in notices:
            _write(notice)
        if notices:
            self._tell(notices)

    def _findings(self, now: float) -> Iterator[Finding]:
        watched = self._watched
        samples, minute = watched.collector.newest(_SPAN), int(now // 60)
        if minute != self._odd[0]:
            odd = in_minutes(samples, now, self._limits, watched.detector)
            self._odd = minute, (*odd, *drifting(samples, now, self._limits))
        yield from in_samples(samples, now, self._limits)
        yield from self._odd[1]
        yield from unwell(watched.components())
        try:
            yield from stale(watched.trained_at(), now, self._limits)
        except MlopsError as error:  # the registry is a component with an alert of its own
            _log.debug("the age of the model is not known", reason=error.message)


class Looking(Thread):
    """Looks every `seconds` until it is stopped; whatever goes wrong in a look, the next one comes."""

    def __init__(self, watch: Watch, seconds: float = EVERY_SECONDS) -> None:
        super().__init__(name="watch", daemon=True)
        self._watch = watch
        self._seconds = seconds
        self._stopping = Event()

    def run(self) -> None:
        """Look, and wait."""
        while not self._stopping.wait(self._seconds):
            try:
                self._watch.look()
            except Exception:  # noqa: BLE001 - the thread that tells of faults must outlive its own
                _log.exception("a look at the measurements broke off")

    def stop(self) -> None:
        """Finish the look under way, and begin no more."""
        self._stopping.set()
        if self.is_alive():
            self.join()


def unwell(components: Mapping[str, Component]) -> Iterator[Finding]:
    """A finding for each component that does not do what it should. Pure."""
    for name, component in components.items():
        if component.status in ("degraded", "unavailable"):
            kind = _KINDS.get(name, Kind.MODEL)
            yield Finding(kind=kind, subject="" if name == str(kind) else name, reason=component.reason)


def _write(notice: Notice) -> None:
    alert = notice.alert
    bad = alert.kind.severity is Severity.CRITICAL and not notice.resolved
    write = _log.error if bad else _log.info if notice.resolved else _log.warning
    write(
        "alert over" if notice.resolved else "alert",
        alert=str(alert.kind), subject=alert.subject, severity=str(alert.kind.severity), reason=alert.reason,
    )  # fmt: skip
