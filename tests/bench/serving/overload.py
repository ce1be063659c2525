"""Three times what the process can answer, sent whatever it answers: an open loop, by vegeta.

Normal is the closed loop of 32 at once, in which the process is as busy as it can be. Calm traffic, at 0.6 of the
capacity, goes before and right after the storm: what it feels in the first second after tells whether anything is left.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mlops.cli.console import say
from tests.bench.serving import load
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.serving.contestants import Way
    from tests.bench.serving.figures import Figures
    from tests.bench.serving.queries import Questions
    from tests.bench.serving.servers import Server

FACTOR, CALM, CONNECTIONS = 3, 0.6, 32
_OK, _REFUSED = 200, 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What came back in one stretch; latencies in ms, of 200 and of 429. `first_p99_ms` is of the first second."""

    phase: str
    requests: int
    accepted: int
    refused: int
    other: int
    p50_ms: float
    p99_ms: float
    first_p99_ms: float
    refused_p99_ms: float


def measure(server: Server, size: int, seconds: int, questions: Questions, figures: Figures) -> None:
    """Fill `figures.overload`. The server is awake and warm."""
    way = server.contestant.ways[0]
    say(f"{size:,} recipes: overload")
    bodies = [way.body(query) for query in questions.distinct(load.bodies_needed(seconds))]
    normal = load.run(server.url(way), bodies, connections=CONNECTIONS, seconds=seconds)
    capacity = normal.requests / normal.seconds
    phases = [
        _phase(server, way, name, rate * capacity, seconds, questions)
        for name, rate in (("calm", CALM), ("storm", FACTOR), ("calm again", CALM))
    ]
    calm, storm, after = phases
    figures.overload = {
        "size": size,
        "seconds": seconds,
        "capacity": capacity,
        "rate": FACTOR * capacity,
        "normal_p99_ms": normal.p99_ms,
        "p99_ratio": storm.p99_ms / normal.p99_ms,
        "refused_of_accepted": storm.refused_p99_ms / storm.p50_ms if storm.accepted else None,
        "goodput": storm.accepted / seconds / capacity,
        "other": sum(each.other for each in phases),
        "after_ratio": after.first_p99_ms / calm.p99_ms,
        "phases": [asdict(each) for each in phases],
    }


def _phase(server: Server, way: Way, name: str, rate: float, seconds: int, questions: Questions) -> Phase:
    wanted = max(1, round(rate))
    # At the end of its time vegeta may ask for one more than that, and a target that it lacks counts as an answer.
    bodies = [way.body(query) for query in questions.distinct(wanted * seconds + 1)]
    answers = _attack(server.url(way), bodies, wanted, seconds)
    began = min(_started(each) for each in answers)
    accepted = [each for each in answers if each["code"] == _OK]
    refused = [each for each in answers if each["code"] == _REFUSED and "Retry-After" in (each["headers"] or {})]
    first = [each for each in accepted if _started(each) < began + np.timedelta64(1, "s")]
    return Phase(
        phase=name,
        requests=len(answers),
        accepted=len(accepted),
        refused=len(refused),
        other=len(answers) - len(accepted) - len(refused),
        p50_ms=_percentile(accepted, 50),
        p99_ms=_percentile(accepted, 99),
        first_p99_ms=_percentile(first, 99),
        refused_p99_ms=_percentile(refused, 99),
    )


def _attack(url: str, bodies: Sequence[bytes], rate: int, seconds: int) -> list[dict[str, Any]]:
    vegeta = toolset("vegeta").program("vegeta")
    header = {"Content-Type": ["application/json"]}
    with tempfile.NamedTemporaryFile(prefix="bench-targets-") as targets, tempfile.NamedTemporaryFile() as results:
        for body in bodies:
            target = {"method": "POST", "url": url, "header": header, "body": base64.b64encode(body).decode()}
            targets.write(orjson.dumps(target, option=orjson.OPT_APPEND_NEWLINE))
        targets.flush()
        subprocess.run(
            [vegeta, "attack", "-format=json", "-lazy", f"-targets={targets.name}", f"-rate={rate}/1s",
             f"-duration={seconds}s", "-max-body=0", "-timeout=30s", f"-output={results.name}"],
            check=True,
        )  # fmt: skip
        told = subprocess.run([vegeta, "encode", "--to=json", results.name], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def _started(answer: dict[str, Any]) -> np.datetime64:
    # Nanoseconds and a zone, of which numpy knows the first; all are of one zone.
    return np.datetime64(answer["timestamp"].removesuffix("Z").split("+")[0], "ns")


def _percentile(answers: Sequence[dict[str, Any]], percent: int) -> float:
    return float(np.percentile([each["latency"] / 1e6 for each in answers], percent)) if answers else 0.0
