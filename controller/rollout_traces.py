"""Rollouts as traces, whichever shell they run in: remembers what each version waits for, and tells what has ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from controller.resource.version_status import VersionStatus
from controller.spans import Wait, over, spans, waiting
from mlops.monitoring.otlp import Signal, name_service, span_exporter, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from controller.resource.version import ModelVersion
    from controller.spans import Span


class RolloutTraces:
    """The versions of one model, in spans by the name `called`. `send` is handed those that have ended."""

    def __init__(self, called: str, send: Callable[[Sequence[Span]], None]) -> None:
        self._called = called
        self._send = send
        self._waits: dict[str, Wait] = {}

    def changed(self, version: ModelVersion, now: VersionStatus, at: datetime) -> None:
        """Another status of `version` than its own was written at `at`."""
        number, before = version.spec.version, version.status or VersionStatus(since=at)
        # After a restart, or where another replica led: since when is in the status.
        wait = self._waits.get(number) or waiting(before, before.since)
        self._send(spans(self._called, version, wait, before, now, at))
        next_wait = waiting(now, at)
        self._waits[number] = next_wait if next_wait.headline != wait.headline else wait
        if over(now):
            del self._waits[number]


def open_traces(service: str) -> tuple[Callable[[Sequence[Span]], None], Callable[[], None]]:
    """What sends spans where OpenTelemetry's own variables say, and what ends it; nowhere without a collector.

    `service` is who sends, unless the variables say it. Rollouts are not sampled: only `always_off` keeps them back.
    Raises Permanent for a variable that cannot be meant.
    """
    name_service(os.environ, service)
    if not wanted(Signal.TRACES, os.environ) or os.environ.get("OTEL_TRACES_SAMPLER") == "always_off":
        return lambda _spans: None, lambda: None
    from controller.otlp import Traces  # noqa: PLC0415 - costs 10 MB, for those who have a collector

    traces = Traces(span_exporter(os.environ))
    return traces.send, traces.close
