"""How each part of the service is, asked all at once: what GET /health shows and what alerts are made of."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import MlopsError
from predictor.health import (
    disk_component,
    feedback_component,
    index_component,
    model_component,
    translator_component,
    worse,
)
from predictor.ports import Component
from predictor.workers import DeadlineExceeded, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops.feedback import FeedbackStore
    from predictor.recommending import Recommending
    from predictor.slot import Slot, SlotState

_PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The parts that are looked at. `folder` is where the service writes, None where it does not.

    `clock` returns Unix seconds.
    """

    slot: Slot
    recommending: Recommending
    feedback: FeedbackStore | None
    folder: Path | None
    least_free_bytes: int
    probes: Mapping[str, Callable[[], Component]]
    clock: Callable[[], float]


class Components:
    """Asks every part; probes that may block run on `workers`."""

    def __init__(self, observed: Observed, workers: Workers) -> None:
        self._observed = observed
        self._workers = workers

    def now(self) -> dict[str, Component]:
        """The same for who has no event loop."""
        return asyncio.run(self.ask(self._observed.slot.state))

    async def ask(self, state: SlotState) -> dict[str, Component]:
        """How each part is, by its name."""
        observed = self._observed
        components = {
            "model": model_component(state),
            "index": index_component(state),
            "translator": translator_component(observed.recommending.translations),
            "registry": Component(status="not_configured", reason="no registry is wired to this process"),
            "feedback_store": self._feedback(),
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

    def _feedback(self) -> Component:
        store, now = self._observed.feedback, self._observed.clock()
        if store is None:
            return feedback_component(configured=False, failure=None)
        waiting, since = store.backlog
        seconds = 0.0 if since is None else now - since
        return feedback_component(configured=True, failure=store.failure, waiting=waiting, seconds=seconds)

    def _disk(self) -> Component:
        folder = self._observed.folder
        if folder is None:
            return Component(status="not_configured", reason="this process writes no files")
        return disk_component(
            free_bytes=shutil.disk_usage(folder).free, least_bytes=self._observed.least_free_bytes
        )  # fmt: skip
