"""The same questions over HTTP, of predictors that note everything, less, and nothing: processor time of whole processes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import httpx

from mlops.cli.console import say
from tests.bench.serving import processes
from tests.builders.predictor_process import PredictorProcess, predictor_process
from tests.builders.trace_collector import trace_collector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TURNS = 12
# Seconds after which what waited for a thread has been written or sent.
GATHERED = 0.3
_TRACED = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRICS_EXPORTER": "none"}
_TENTH = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
WAYS = ("metrics, samples and lines, kept in files", "and spans of a tenth, as in a cluster", "and spans of all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of the processor for a request, and of them for noting it: the median of the turns of a way.

    `share` is the part of the whole, `least` and `most` what a quarter of the turns was below and above.
    """

    way: str
    whole: float
    noting: float
    share: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class _Asked:
    predictor: PredictorProcess
    client: httpx.Client
    turns: list[float] = field(default_factory=list)


def costs(artifact: Path, folder: Path, queries: Sequence[str], *, remembered: bool) -> list[Cost]:
    """What noting costs in each way, where answers come from memory or where each is computed.

    All processes run side by side and are asked in turns, each turn beside that of the one that notes nothing.
    """
    memory = () if remembered else ("--remember-megabytes", "0")
    with ExitStack() as stack:
        collector, _ = stack.enter_context(trace_collector())
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, **_TRACED}

        def start(name: str, module: str = "predictor", *, kept: bool = True, **environment: str) -> _Asked:
            scratch = folder / f"{name}-{remembered}"
            scratch.mkdir()
            files = (
                ("--log-folder", str(scratch / "logs"), "--metrics-folder", str(scratch / "metrics")) if kept else ()
            )
            flags = ("--artifact", str(artifact), "--translator", "identity", *memory, *files)
            predictor = stack.enter_context(predictor_process(scratch, *flags, module=module, **environment))
            predictor.wait_until_ready()
            return _Asked(predictor, stack.enter_context(httpx.Client(base_url=predictor.url, timeout=60)))

        silent = start("silent", "tests.bench.noting.silent_predictor", kept=False)
        noting = [start("files"), start("tenth", **to, **_TENTH), start("all", **to)]
        everybody = [silent, *noting]
        for each in everybody:
            _ask(each, queries)
        for turn in range(TURNS):
            say(f"{'from memory' if remembered else 'computed'}, turn {turn + 1} of {TURNS}")
            # The order goes round, so that nobody always follows the same one.
            for place in range(len(everybody)):
                each = everybody[(turn + place) % len(everybody)]
                each.turns.append(_ask(each, queries))
    return [_cost(way, silent.turns, each.turns) for way, each in zip(WAYS, noting, strict=True)]


def _ask(asked: _Asked, queries: Sequence[str]) -> float:
    """Processor seconds of the process for one of the queries."""
    began = processes.cpu_seconds(asked.predictor.process.pid)
    for query in queries:
        asked.client.post("/recommend", json={"query": query}).raise_for_status()
    time.sleep(GATHERED)
    return (processes.cpu_seconds(asked.predictor.process.pid) - began) / len(queries)


def _cost(way: str, silent: Sequence[float], noting: Sequence[float]) -> Cost:
    shares = sorted((one - none) / one for one, none in zip(noting, silent, strict=True))
    differences = [one - none for one, none in zip(noting, silent, strict=True)]
    return Cost(
        way=way,
        whole=median(noting) * 1e6,
        noting=median(differences) * 1e6,
        share=median(shares),
        least=shares[len(shares) // 4],
        most=shares[-1 - len(shares) // 4],
    )
