"""The serving part: everybody at once on one machine, asked in turns (A B C, A B C), so that a noisy minute hits all."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from mlops.cli.console import say
from tests.bench.serving import load, processes
from tests.bench.serving.figures import DISTINCT, ZIPF, Cell, Figure, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.serving.contestants import Way
    from tests.bench.serving.figures import Figures
    from tests.bench.serving.queries import Questions
    from tests.bench.serving.servers import Server

CONNECTIONS = (1, 8, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often; `familiar` are the seconds of Zipf traffic before it counts."""

    turns: int = 3
    seconds: int = 5
    warm_up: int = 3
    familiar: int = 30
    connections: tuple[int, ...] = CONNECTIONS
    traffics: tuple[str, ...] = (DISTINCT, ZIPF)


def measure(servers: Sequence[Server], size: int, plan: Plan, questions: Questions, figures: Figures) -> None:
    """Fill `figures` with every cell of this size, and with the memory of each server after it."""
    for server in servers:
        for way in server.contestant.ways:
            _turn(server, way, questions.distinct(load.bodies_needed(plan.warm_up)), 8, plan.warm_up)
            if ZIPF in plan.traffics:
                _turn(server, way, questions.zipf(load.bodies_needed(plan.familiar)), 32, plan.familiar)
    turns: dict[Cell, list[Turn]] = defaultdict(list)
    for number in range(plan.turns):
        for traffic in plan.traffics:
            for connections in plan.connections:
                say(f"{size:,} recipes, turn {number + 1} of {plan.turns}, {traffic}, {connections} at once")
                for server, way in _ways(servers):
                    cell = Cell(size=size, traffic=traffic, connections=connections, way=way.name)
                    draw = questions.zipf if traffic == ZIPF else questions.distinct
                    queries = draw(load.bodies_needed(plan.seconds))
                    turns[cell].append(_turn(server, way, queries, connections, plan.seconds))
    figures.served |= {cell: Figure.of(each) for cell, each in turns.items()}
    for server in servers:
        held = processes.memory(server.pid)
        figures.memory.append({"way": server.contestant.name, "size": size, **asdict(held), "file": held.file})


def _ways(servers: Sequence[Server]) -> Iterator[tuple[Server, Way]]:
    return ((server, way) for server in servers for way in server.contestant.ways)


def _turn(server: Server, way: Way, queries: Sequence[str], connections: int, seconds: int) -> Turn:
    bodies = [way.body(query) for query in queries]
    with server.awake():
        return _timed(server, way, bodies, connections, seconds)


def _timed(server: Server, way: Way, bodies: Sequence[bytes], connections: int, seconds: int) -> Turn:
    children = psutil.Process().cpu_times()
    began, busy, own = time.perf_counter(), processes.machine_busy_seconds(), processes.cpu_seconds(server.pid)
    seen = load.run(server.url(way), bodies, connections=connections, seconds=seconds)
    used = processes.cpu_seconds(server.pid) - own
    busy = processes.machine_busy_seconds() - busy
    after = psutil.Process().cpu_times()
    loading = sum(after[:4]) - sum(children[:4])
    whole = (time.perf_counter() - began) * (os.cpu_count() or 1)
    return Turn(
        requests=seen.requests,
        seconds=seen.seconds,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        cpu_ms=used * 1000 / max(seen.requests, 1),
        # A server that answered nobody has failed too.
        errors=seen.errors if seen.requests else max(seen.errors, 1),
        others=max(0.0, busy - used - loading) / whole,
    )
