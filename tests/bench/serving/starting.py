"""Cold starts: from the process' beginning to its first answer, each server alone, in turns."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from mlops.cli.console import say
from tests.bench.serving import processes
from tests.bench.serving.servers import started

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.serving.contestants import Contestant
    from tests.bench.serving.figures import Figures


def measure(contestants: Sequence[Contestant], size: int, turns: int, scratch: Path, figures: Figures) -> None:
    """Add medians of seconds, of processor seconds, and of MiB resident after the first answer."""
    seen: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(turns):
        for each in contestants:
            say(f"{size:,} recipes, cold start {number + 1} of {turns}: {each.name}")
            with started(each, scratch) as server:
                seconds = server.wait()
                seen[each.name].append(
                    (seconds, processes.cpu_seconds(server.pid), processes.memory(server.pid).resident)
                )
    for name, rows in seen.items():
        seconds, cpu, resident = (median(column) for column in zip(*rows, strict=True))
        figures.starts.append({"way": name, "size": size, "seconds": seconds, "cpu": cpu, "resident": resident})
