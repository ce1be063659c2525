"""GET /health and GET /metrics."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from mlops.errors import MlopsError
from mlops.feedback import FeedbackStore
from mlops.monitoring.collector import MetricsCollector
from mlops.recommendation import ServedModel
from predictor.health import (
    disk_component,
    feedback_component,
    index_component,
    model_component,
    overall,
    translator_component,
    worse,
)
from predictor.instruments import Instruments
from predictor.json_messages import json_answer
from predictor.ports import Component
from predictor.recommending import Recommending
from predictor.slot import Slot, SlotState
from predictor.workers import DeadlineExceeded, Workers

_PROBE_SECONDS = 1.0
_STATISTICS_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The parts that GET /health looks at. `folder` is where the service writes, None where it does not."""

    slot: Slot
    recommending: Recommending
    feedback: FeedbackStore | None
    folder: Path | None
    least_free_bytes: int
    probes: Mapping[str, Callable[[], Component]]


class HealthRoute:
    """Says how the service is; probes that may block run on `workers`."""

    def __init__(self, observed: Observed, workers: Workers) -> None:
        self._observed = observed
        self._workers = workers

    async def health(self) -> Response:
        """Say how each part is, and why. 503 only where no question can be answered."""
        state = self._observed.slot.state
        components = await self._components(state)
        status = overall(components)
        body = {
            "status": status,
            "model": None if state.served is None else _identity(state.served),
            "traffic": [_identity(share.served) | {"weight": share.weight} for share in state.shares],
            "components": {name: asdict(component) for name, component in components.items()},
        }
        return json_answer(body, status=503 if status == "unavailable" else 200)

    async def _components(self, state: SlotState) -> dict[str, Component]:
        observed = self._observed
        store = observed.feedback
        components = {
            "model": model_component(state),
            "index": index_component(state),
            "translator": translator_component(observed.recommending.translations),
            "registry": Component(status="not_configured", reason="no registry is wired to this process"),
            "feedback_store": feedback_component(
                configured=store is not None, failure=None if store is None else store.failure
            ),
        }
        probes = {"disk": self._disk, **observed.probes}
        found = await asyncio.gather(*(self._probe(probe) for probe in probes.values()))
        for name, component in zip(probes, found, strict=True):
            components[name] = worse(component, components.get(name, component))
        return components

    async def _probe(self, probe: Callable[[], Component]) -> Component:
        try:
            return await self._workers.run(probe, seconds=_PROBE_SECONDS)
        except DeadlineExceeded:
            return Component(status="unavailable", reason=f"no answer within {_PROBE_SECONDS:g} s")
        except MlopsError as error:
            return Component(status="unavailable", reason=error.hint or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a broken probe is a finding about its component, not about /health
            return Component(status="unavailable", reason=f"its check failed: {type(error).__name__}")

    def _disk(self) -> Component:
        folder = self._observed.folder
        if folder is None:
            return Component(status="not_configured", reason="this process writes no files")
        return disk_component(
            free_bytes=shutil.disk_usage(folder).free, least_bytes=self._observed.least_free_bytes
        )  # fmt: skip


def _identity(served: ServedModel) -> dict[str, object]:
    return {"name": served.name, "version": served.version, "digest": served.digest, "recipes": served.recipes}


class MetricsRoute:
    """Shows what was measured: for Prometheus, or summed up for people."""

    def __init__(self, instruments: Instruments, collector: MetricsCollector, slot: Slot, workers: Workers) -> None:
        self._instruments = instruments
        self._collector = collector
        self._slot = slot
        self._workers = workers

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
            # A full queue takes some 50 ms to sum up: not on the event loop.
            return json_answer(
                await self._workers.run(lambda: self._statistics(window_minutes), seconds=_STATISTICS_SECONDS)
            )
        self._instruments.show(self._slot.state.shares)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._instruments.registry), headers={"content-type": content_type})

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
