"""The answer to Measure on a laptop: the requests that this process answered itself."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from controller.observation import Measurement, Sample
from mlops.evaluation.online import figure

if TYPE_CHECKING:
    from datetime import datetime

    from controller.actions import Measure
    from mlops.evaluation.online import Figure
    from mlops.monitoring.traffic_log import ServedRequest, TrafficLog


class LiveTraffic:
    """Measures over the log of answered requests."""

    def __init__(self, log: TrafficLog) -> None:
        self._log = log

    def measure(self, action: Measure, now: datetime) -> Measurement:
        """Measure every gate's metric since the moment asked for; one that nobody measures here has no sample."""
        rows = self._rows(action.version, action.since, now)
        beside = self._rows(action.baseline, action.since, now) if action.baseline else ()
        newest = max((row.at for row in rows), default=None)
        samples = [
            Sample(
                metric=gate.metric,
                value=_decimal(found),
                baseline=_decimal(figure(gate.metric, beside)) if beside else None,
                samples=found.samples,
                newest=None if newest is None else now.fromtimestamp(newest, now.tzinfo),
            )
            for gate in action.gates
            if (found := figure(gate.metric, rows)) is not None
        ]
        return Measurement(name=action.name, at=now, samples=tuple(samples))

    def _rows(self, version: str, since: datetime, now: datetime) -> tuple[ServedRequest, ...]:
        """What a version answered since then. After the clock was set back, there is a future that has been."""
        until = now.timestamp()
        return tuple(row for row in self._log.since(version, since.timestamp()) if row.at <= until)


def _decimal(found: Figure | None) -> Decimal | None:
    """As many digits as mean something; "0 of 0" is NaN, as a metrics source would say."""
    if found is None:
        return None
    return Decimal("NaN") if found.value is None else Decimal(f"{found.value:.6g}")
