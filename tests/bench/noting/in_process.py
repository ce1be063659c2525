"""What noting a request costs by itself, in this process: each part of it, beside the answer that is noted."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mlops.artifact.loader import load_model
from mlops.canonical_lines import BatchedLines
from mlops.feedback_spool import DailySpool
from mlops.logging_config import LogConfig, configure_logging
from mlops.monitoring.collector import MetricsCollector
from mlops.monitoring.sample_log import SampleLog
from mlops.recommendation import Ask
from predictor.instruments import Instruments
from predictor.noting import Noting
from predictor.request_spans import RequestTracing
from predictor.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops.recommendation import Answer, ServedModel
    from mlops.translation.translator import Translator

ROUNDS = 5
GATHERED = 0.2  # seconds after which what waited for a thread has been written
HEADERS = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def noting(
    artifact: Path, folder: Path, queries: Sequence[str], translator: Translator
) -> tuple[float, dict[str, float]]:
    """Processor seconds of answering a query, and of noting one in each way, the least of several rounds."""
    configure_logging(LogConfig(folder=folder / "logs", level="INFO", levels={"httpx": "WARNING"}))
    served = load_model(artifact, translator=translator)
    with ExitStack() as stack:
        return _timed(served, queries, _setups(folder, stack))


def _setups(folder: Path, stack: ExitStack) -> dict[str, Telemetry]:
    def telemetry(samples: SampleLog | None = None, tracing: RequestTracing | None = None) -> Telemetry:
        collector = MetricsCollector(time.time, samples)
        instruments = Instruments(CollectorRegistry())
        return Telemetry(Noting(instruments, collector, None, lines), instruments, clock=time.time,
                         timer=time.perf_counter, tracing=tracing)  # fmt: skip

    lines = BatchedLines("app")
    logs = [SampleLog(DailySpool(folder / name, time.time, name="metrics", fsync=False)) for name in ("one", "two")]
    tracing = RequestTracing(InMemorySpanExporter())
    for each in (lines, *logs, tracing):
        stack.callback(each.close)
    return {
        "metrics, a sample in memory, a line of the log": telemetry(),
        "and the sample kept in a file": telemetry(logs[0]),
        "and a span with its phases": telemetry(logs[1], tracing),
    }


def _timed(served: ServedModel, queries: Sequence[str], setups: dict[str, Telemetry]) -> tuple[float, dict[str, float]]:
    """Seconds of an answer, and of noting one in each way: the least of several rounds, taken in turns."""
    answers = [served.recommender.recommend(Ask(text=query)) for query in queries]

    def note_all(telemetry: Telemetry) -> None:
        for answer in answers:
            _note(telemetry, served, answer)

    def answer_all() -> None:
        for query in queries:
            served.recommender.recommend(Ask(text=query))

    answering: list[float] = []
    noting: dict[str, list[float]] = {name: [] for name in setups}
    for _ in range(ROUNDS):
        answering.append(_spent(answer_all, len(queries)))
        for name, telemetry in setups.items():
            noting[name].append(_spent(lambda each=telemetry: note_all(each), len(queries)))
    return min(answering), {name: min(spent) for name, spent in noting.items()}


def _spent(work: Callable[[], None], count: int) -> float:
    """Processor seconds for each query, with what other threads of this process do for it."""
    began = time.process_time()
    work()
    time.sleep(GATHERED)
    return (time.process_time() - began) / count


def _note(telemetry: Telemetry, served: ServedModel, answer: Answer) -> None:
    with telemetry.request(request_id="r-1", route="/recommend", method="POST", headers=HEADERS) as record:
        record.served_by(served)
        record.answered("1.0.0-abc", answer)
        record.status = 200
