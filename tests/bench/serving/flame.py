"""Where the time of a request goes: py-spy looks into the process 200 times a second while it is asked.

Beside it stand the process' own histograms of the same time, which must agree with what py-spy saw.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from mlops.cli.console import say
from tests.bench.serving import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.serving.figures import Figures
    from tests.bench.serving.queries import Questions
    from tests.bench.serving.servers import Server

RATE, CONNECTIONS, COSTS = 200, 8, 10
_WHOLE = "recipes_request_duration_seconds"
_HISTOGRAMS = tuple(f"recipes_{stage}_duration_seconds" for stage in ("translation", "embedding", "ranking"))
# Embedding and ranking are one call of the kernel, of which py-spy sees where it is called.
STAGES = {"translation": _HISTOGRAMS[:1], "embedding and ranking": _HISTOGRAMS[1:]}
_LINE = re.compile(r":\d+\)$")
# Where the stages of the histograms happen, as py-spy names frames: `Class.function (file)`.
WHERE = {
    "translation": re.compile(r"understand \(mlops/retrieval/understanding\.py"),
    "embedding and ranking": re.compile(r"Search\.find \(mlops/retrieval/search\.py"),
}
_TITLE = re.compile(r"[^<>]*py-spy record [^<]*<")
# Threads that py-spy caught between waking and sleeping.
_WAITING = re.compile(r"^(?:Condition\.wait|wait) \(threading\.py|^_worker \(concurrent/futures/thread\.py")


def measure(server: Server, size: int, seconds: int, picture: Path, questions: Questions, figures: Figures) -> None:
    """Write the flame graph to `picture` and fill `figures.profile`. The server is awake and warm."""
    say(f"{size:,} recipes: profile")
    picture.parent.mkdir(parents=True, exist_ok=True)
    _recorded(server, seconds, "flamegraph", picture, questions)
    before = dict(_sums(server))
    with tempfile.NamedTemporaryFile(prefix="bench-stacks-") as stacks:
        _recorded(server, seconds, "raw", Path(stacks.name), questions)
        counted = dict(_stacks(Path(stacks.name).read_text(encoding="utf-8")))
    after = dict(_sums(server))
    took = {name: [now - then for now, then in zip(after[name], before[name], strict=True)] for name in after}
    stages = {name: [sum(took[each][0] for each in STAGES[name]), took[STAGES[name][0]][1]] for name in STAGES}
    total = sum(counted.values())
    own = Counter[str]()
    for stack, count in counted.items():
        own[stack[-1]] += count
    seen = {name: _within(counted, WHERE[name]) for name in STAGES}
    figures.profile = {
        "size": size,
        "samples": total,
        "costs": [{"frame": frame, "share": count / total} for frame, count in own.most_common(COSTS)],
        "whole_ms": _mean(took[_WHOLE]),
        "stages": [
            {
                "name": name,
                "mean_ms": _mean(stages[name]),
                "share": stages[name][0] / max(sum(seconds for seconds, _ in stages.values()), 1e-9),
                "seen": seen[name] / max(sum(seen.values()), 1),
            }
            for name in STAGES
        ],
    }


def _mean(took: list[float]) -> float:
    return took[0] / max(took[1], 1) * 1000


def _recorded(server: Server, seconds: int, form: str, out: Path, questions: Questions) -> None:
    way = server.contestant.ways[0]
    bodies = [way.body(query) for query in questions.distinct(load.bodies_needed(seconds + 4))]
    # Without stopping the process for each look: a stopped thread wakes, and counts as one that runs.
    # Reading the symbols takes py-spy a second or two, in which the load goes on.
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load.run, server.url(way), bodies, connections=CONNECTIONS, seconds=seconds + 4)
        subprocess.run(
            [Path(sys.executable).with_name("py-spy"), "record", "--pid", str(server.pid), "--rate", str(RATE),
             "--duration", str(seconds), "--nonblocking", "--format", form, "--output", out],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        loading.result()
    if form == "flamegraph":
        # Its title is the command, with the paths of whoever measured.
        told = _TITLE.sub(
            f"{RATE} looks a second at a predictor that {CONNECTIONS} ask at once<", out.read_text("utf-8")
        )
        out.write_text(told, encoding="utf-8")


def _stacks(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Stacks without their line numbers, outermost first, and how often each was seen."""
    seen = Counter[tuple[str, ...]]()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = tuple(_LINE.sub(")", frame) for frame in stack.split(";"))
        if not _WAITING.search(frames[-1]):
            seen[frames] += int(count)
    return iter(seen.items())


def _within(counted: dict[tuple[str, ...], int], where: re.Pattern[str]) -> int:
    return sum(count for stack, count in counted.items() if any(where.search(frame) for frame in stack))


def _sums(server: Server) -> Iterator[tuple[str, tuple[float, float]]]:
    """Seconds and counts of the histograms so far, of all their series that answer a query."""
    text = server.client.get(f"http://127.0.0.1:{server.port}/metrics").raise_for_status().text
    sums = dict.fromkeys((_WHOLE, *_HISTOGRAMS), (0.0, 0.0))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if family.name in sums and sample.labels.get("route", "/recommend") == "/recommend":
                total, count = sums[family.name]
                total += sample.value if sample.name.endswith("_sum") else 0
                count += sample.value if sample.name.endswith("_count") else 0
                sums[family.name] = (total, count)
    return iter(sums.items())
