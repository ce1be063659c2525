"""GET /health and GET /metrics."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated, Any

from fastapi import Query, Request
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from mlops.monitoring.alerts import Alert
from mlops.monitoring.collector import MetricsCollector
from mlops.recommendation import ServedModel
from predictor.components import Components
from predictor.health import Status, overall
from predictor.instruments import Instruments
from predictor.json_messages import json_answer
from predictor.slot import Slot
from predictor.workers import Workers

_STATISTICS_SECONDS = 10.0

Alerts = Callable[[], Sequence[Alert]]


class HealthRoute:
    """Says how the service is, and what it is alarmed about."""

    def __init__(self, slot: Slot, components: Components, alerts: Alerts) -> None:
        self._slot = slot
        self._components = components
        self._alerts = alerts

    async def health(self) -> Response:
        """Say how each part is, and why. 503 only where no question can be answered."""
        status, body = await self.state()
        return json_answer(body, status=503 if status == "unavailable" else 200)

    async def state(self) -> tuple[Status, dict[str, Any]]:
        """The state in one word, and as the body of the answer."""
        state, alerts = self._slot.state, self._alerts()
        components = await self._components.ask(state)
        status = overall(components, alerts)
        return status, {
            "status": status,
            "model": None if state.served is None else _identity(state.served),
            "traffic": [_identity(share.served) | {"weight": share.weight} for share in state.shares],
            "components": {name: asdict(component) for name, component in components.items()},
            "alerts": [_alarm(alert) for alert in alerts],
        }


def _alarm(alert: Alert) -> dict[str, object]:
    return {
        "alert": str(alert.kind),
        "subject": alert.subject,
        "severity": str(alert.kind.severity),
        "since": datetime.fromtimestamp(alert.fires_since or alert.seen_at, UTC).isoformat(),
        "reason": alert.reason,
    }


def _identity(served: ServedModel) -> dict[str, object]:
    return {"name": served.name, "version": served.version, "digest": served.digest, "recipes": served.recipes}


class MetricsRoute:
    """Shows what was measured, to Prometheus, or summed up to people. `settle` has all counted that is over by now."""

    def __init__(
        self,
        instruments: Instruments,
        collector: MetricsCollector,
        slot: Slot,
        workers: Workers,
        *,
        alerts: Alerts,
        settle: Callable[[], None],
    ) -> None:
        self._settle = settle
        self._instruments = instruments
        self._alerts = alerts
        self._collector = collector
        self._slot = slot
        self._workers = workers
        # What is served now is said anew for each reader, and must not be taken from under another.
        self._lock = Lock()

    async def metrics(
        self,
        request: Request,
        window_minutes: Annotated[
            int | None,
            Query(ge=1, le=1440, description="Answer with JSON statistics of these last minutes instead."),
        ] = None,
    ) -> Response:
        """Show the metrics as Prometheus text, or with `window_minutes` their statistics as JSON."""
        if window_minutes is not None:
            # A full queue takes some milliseconds to sum up: not on the event loop.
            return json_answer(
                await self._workers.run(lambda: self._statistics(window_minutes), seconds=_STATISTICS_SECONDS)
            )
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        with self._lock:
            self._refresh()
            return Response(encode(self._instruments.registry), headers={"content-type": content_type})

    def collect(self) -> list[Metric]:
        """Return the same to whoever sends them elsewhere, from another thread."""
        with self._lock:
            self._refresh()
            return list(self._instruments.registry.collect())

    def _refresh(self) -> None:
        self._settle()
        self._instruments.show(self._slot.state.shares)
        self._instruments.alarm(self._alerts())

    def _statistics(self, minutes: int) -> dict[str, object]:
        window = self._collector.window(minutes)
        return {
            "window_minutes": window.window_minutes,
            "since": datetime.fromtimestamp(window.since, UTC).isoformat(),
            "until": datetime.fromtimestamp(window.until, UTC).isoformat(),
            "complete": window.complete,
            "requests": window.requests,
            "errors": window.errors,
            "metrics": {name: None if summary is None else asdict(summary) for name, summary in window.metrics.items()},
        }
