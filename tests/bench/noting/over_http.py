"""The same questions over HTTP, of predictors that note everything, less, and nothing: processor time of whole processes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

import httpx

from mlops.cli.console import say
from tests.bench.serving import processes
from tests.builders.predictor_process import PredictorProcess, predictor_process
from tests.builders.trace_collector import trace_collector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Blocks of turns. In a turn each process is asked all queries, so many before the next one is asked as many, so that
# what other people do on the machine meets all alike; what it does later counts as well, to the block's end.
BLOCKS, TURNS, AT_ONCE = 3, 3, 36
# Of each way so many: two processes that do the same differ by as much as noting costs, for as long as they live.
PROCESSES = 3
# Seconds after which what waited for a thread has been written, or sent (OTEL_BSP_SCHEDULE_DELAY).
GATHERED = 5.5
_TRACED = {"OTEL_METRICS_EXPORTER": "none"}
_TENTH = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
# What is noted, whether files are kept of it (else lines go to standard output), and of how many requests spans are sent.
WAYS: dict[str, tuple[bool, dict[str, str] | None]] = {
    "in files, as on a laptop": (True, None),
    "to standard output, and spans of a tenth, as in a cluster": (False, _TENTH),
    "in files, and spans of all": (True, {}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of the processor for a request, and of them for noting it, of all processes of a way.

    `share` is the part of the whole, `least` and `most` the shares of single pairs of processes.
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
    blocks: list[float] = field(default_factory=list)

    @property
    def spent(self) -> float:
        """Processor seconds so far."""
        return processes.cpu_seconds(self.predictor.process.pid)


def costs(artifact: Path, folder: Path, queries: Sequence[str], *, remembered: bool) -> list[Cost]:
    """What noting costs in each way, where answers come from memory or where each is computed.

    All processes run side by side and are asked in turns, beside the one that notes nothing.
    """
    memory = () if remembered else ("--remember-megabytes", "0")
    with ExitStack() as stack:
        collector, _ = stack.enter_context(trace_collector())
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, **_TRACED}

        def start(name: str, module: str = "predictor", *, kept: bool = True, **environment: str) -> _Asked:
            scratch = folder / name
            scratch.mkdir()
            files = (
                ("--log-folder", str(scratch / "logs"), "--metrics-folder", str(scratch / "metrics")) if kept else ()
            )
            flags = ("--artifact", str(artifact), "--translator", "identity", *memory, *files)
            predictor = stack.enter_context(predictor_process(scratch, *flags, module=module, **environment))
            predictor.wait_until_ready()
            return _Asked(predictor, stack.enter_context(httpx.Client(base_url=predictor.url, timeout=60)))

        ways: dict[str, list[_Asked]] = {name: [] for name in ("silent", *WAYS)}
        for number in range(PROCESSES):
            ways["silent"].append(start(f"silent-{number}", "tests.bench.noting.silent_predictor", kept=False))
            for place, (name, (kept, sampled)) in enumerate(WAYS.items()):
                environment = {} if sampled is None else to | sampled
                ways[name].append(start(f"{place}-{number}", kept=kept, **environment))
        everybody = [each for number in range(PROCESSES) for each in (way[number] for way in ways.values())]
        for each in everybody:
            _ask(each, queries)
        for block in range(BLOCKS):
            say(f"block {block + 1} of {BLOCKS}")
            began = [each.spent for each in everybody]
            for _ in range(TURNS):
                _ask_all(everybody, queries)
            time.sleep(GATHERED)
            for each, before in zip(everybody, began, strict=True):
                each.blocks.append((each.spent - before) / TURNS / len(queries))
    return [_cost(name, ways["silent"], ways[name]) for name in WAYS]


def _ask_all(everybody: Sequence[_Asked], queries: Sequence[str]) -> None:
    """All queries of each, by turns; the order goes round, so that nobody always follows the same one."""
    for turn, start in enumerate(range(0, len(queries), AT_ONCE)):
        for place in range(len(everybody)):
            _ask(everybody[(turn + place) % len(everybody)], queries[start : start + AT_ONCE])


def _ask(asked: _Asked, queries: Sequence[str]) -> None:
    for query in queries:
        asked.client.post("/recommend", json={"query": query}).raise_for_status()


def _cost(way: str, silent: Sequence[_Asked], noting: Sequence[_Asked]) -> Cost:
    pairs = [(fmean(one.blocks), fmean(none.blocks)) for one, none in zip(noting, silent, strict=True)]
    shares = [(one - none) / one for one, none in pairs]
    whole, without = fmean(one for one, _ in pairs), fmean(none for _, none in pairs)
    return Cost(
        way=way,
        whole=whole * 1e6,
        noting=(whole - without) * 1e6,
        share=(whole - without) / whole,
        least=min(shares),
        most=max(shares),
    )
