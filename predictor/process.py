"""A predictor process from start to end: logs, feedback, loading in the background, the server, the exit code."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from functools import partial
from socket import gethostname
from threading import Thread
from typing import TYPE_CHECKING

import structlog
from prometheus_client import REGISTRY

from mlops import log_levels
from mlops.canonical_lines import BatchedLines
from mlops.errors import MlopsError
from mlops.feedback import FeedbackStore
from mlops.feedback_spool import DailySpool
from mlops.kernel.library import kernel
from mlops.logging_config import LogConfig, configure_logging
from mlops.monitoring.collector import CAPACITY
from mlops.monitoring.otlp import Signal, span_exporter, wanted
from mlops.monitoring.otlp_metrics import pushed_metrics
from mlops.monitoring.sample_log import NAME as METRICS
from mlops.monitoring.sample_log import SampleLog, samples_of
from mlops.recommendation import Ask
from mlops.shown_log import NAME as SHOWN
from mlops.shown_log import ShownLog
from predictor.pauses import keep_for_good, keep_memory, step_back, take_brief_turns
from predictor.ports import Ports
from predictor.random_ids import RandomIds
from predictor.slot import Slot
from predictor.surroundings import Surroundings
from predictor.tracing import NoTracing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.monitoring.alerts import Notice
    from mlops.recommendation import ServedModel
    from predictor.settings import Settings
    from predictor.tracing import Tracing

# A line or more per request from others, with whole addresses; ours says the same in one.
_QUIET = {
    "httpx": "WARNING",
    "kserve": "WARNING",
    "kserve.trace": "WARNING",
    "uvicorn.access": "WARNING",
    "timing_asgi": "WARNING",
}

_log = structlog.stdlib.get_logger("app")


def serve(
    settings: Settings,
    load: Callable[[], ServedModel] | None,
    *,
    slot: Slot | None = None,
    ports: Ports | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code: 0, or 1 where `load` or the start failed.

    `load` runs beside the server, which listens and says that it is not ready meanwhile; None where the caller fills
    `slot` by itself. Only from the main thread, once per process.
    """
    logs = LogConfig(folder=settings.log_folder, level=settings.log_level, levels=_QUIET | settings.log_levels)
    configure_logging(logs)
    log_levels.listen(logs)
    take_brief_turns()
    slot = slot or Slot()
    loading = _Loading(load, slot)
    # Until the server has its own handlers, stopping is simply ending.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _log.info("starting", model=settings.model_name, artifact=str(settings.artifact), kernel=kernel() is not None)
    try:
        loading.start()  # in here: what cannot be loaded may end this thread before it comes to its next line
        with ExitStack() as stack:
            surroundings = _surroundings(settings, stack)
            # Takes seconds, during which the artefact is read and verified.
            from predictor.server import build_server  # noqa: PLC0415

            server = build_server(settings, slot, ports or Ports(), surroundings)
            stack.enter_context(pushed_metrics(server.service.collect, time.time))
            keep_for_good()
            if not loading.failed:
                _log.info("serving", host=settings.host, http_port=settings.http_port, grpc_port=settings.grpc_port)
                server.run()
    except MlopsError as error:
        _log.error("cannot serve", reason=error.message, hint=error.hint)
        return 1
    except SystemExit as stopped:
        return 1 if stopped.code or loading.failed else 0
    _log.info("stopped")
    return 1 if loading.failed else 0


class _Loading(Thread):
    """Loads the model; where that fails, nothing will ever be served, so the process is asked to end."""

    def __init__(self, load: Callable[[], ServedModel] | None, slot: Slot) -> None:
        super().__init__(name="load", daemon=True)
        self._load = load
        self._slot = slot
        self.failed = False

    def run(self) -> None:
        if self._load is None:
            return
        started = time.perf_counter()
        try:
            served = self._load()
            # Whatever is made at the first question is made before anybody asks, and a model that cannot answer is
            # found out before it is ready.
            for question in ("chicken soup", "sopa de pollo"):
                served.recommender.recommend(Ask(text=question))
        except MlopsError as error:
            self._fail(error.message)
            _log.error("cannot load the model", reason=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - a thread's last chance to say why there will be no model
            self._fail(type(error).__name__)
            _log.exception("cannot load the model")
        else:
            keep_for_good()
            keep_memory()
            self._slot.swap(served)
            _log.info(
                "model loaded",
                model=served.name,
                version=served.version,
                digest=served.digest,
                recipes=served.recipes,
                seconds=round(time.perf_counter() - started, 3),
            )
            return
        os.kill(os.getpid(), signal.SIGTERM)

    def _fail(self, reason: str) -> None:
        self.failed = True
        self._slot.fail(reason)


def _surroundings(settings: Settings, stack: ExitStack) -> Surroundings:
    feedback = shown = None
    if settings.feedback_folder is not None:
        folder, days = settings.feedback_folder, settings.feedback_days
        feedback = FeedbackStore(DailySpool(folder, time.time, fsync=settings.feedback_fsync, keep_days=days))
        stack.callback(feedback.close)
        shown = ShownLog(DailySpool(folder / SHOWN, time.time, name=SHOWN, fsync=False, keep_days=days))
        stack.callback(shown.close)
    samples, measured = None, []
    if settings.metrics_folder is not None:
        spool = DailySpool(
            settings.metrics_folder, time.time, name=METRICS, fsync=False, keep_days=settings.metrics_days
        )
        measured = samples_of(spool.newest_rows(CAPACITY))
        samples = SampleLog(spool)
        stack.callback(samples.close)
    lines = BatchedLines("app")
    stack.callback(lines.close)
    salt = settings.user_salt.get_secret_value().encode() if settings.user_salt else secrets.token_bytes(16)
    return Surroundings(
        clock=time.time,
        timer=time.perf_counter,
        new_id=RandomIds(),
        user_salt=salt,
        registry=REGISTRY,
        feedback=feedback,
        shown=shown,
        samples=samples,
        measured=measured,
        alert=_alert(settings, stack),
        tracing=_tracing(stack),
        lines=lines,
        note_later=True,
        begin_answering=partial(_begin_answering, settings.workers),
    )


def _begin_answering(workers: int) -> None:
    step_back()
    quick = kernel()
    # After stepping back: its thread has the place of the one that calls it.
    if workers > 1 and quick is not None:
        quick.call_companion()


def _tracing(stack: ExitStack) -> Tracing:
    """Spans go where OpenTelemetry's own variables say; without, nowhere. Raises Permanent for a wrong one."""
    if not wanted(Signal.TRACES, os.environ):
        return NoTracing()
    # Imported where spans go somewhere: it takes its time and some memory.
    from predictor.request_spans import RequestTracing  # noqa: PLC0415

    tracing = RequestTracing(span_exporter(os.environ))
    stack.callback(tracing.close)
    return tracing


def _alert(settings: Settings, stack: ExitStack) -> Callable[[Sequence[Notice]], None]:
    """Where notices go besides the log."""
    if settings.alert_webhook is None:
        return lambda _: None
    # Imported where there is one: HTTP takes its time.
    from mlops.monitoring.webhook import Webhook  # noqa: PLC0415

    webhook = Webhook(
        settings.alert_webhook.get_secret_value(), {"model": settings.model_name, "instance": gethostname()}
    )
    stack.callback(webhook.close)
    return webhook.send
