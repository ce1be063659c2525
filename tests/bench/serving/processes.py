"""What a process and its children cost, as the kernel counts it: processor time of all threads, memory by its kind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """MiB resident: `anonymous` is the process' own, the rest are pages of files, which the kernel may drop.

    Pages that several processes of a server share count for each of them in `resident`, once in `proportional`.
    """

    resident: float
    anonymous: float
    proportional: float

    @property
    def file(self) -> float:
        """Pages of files."""
        return self.resident - self.anonymous


def cpu_seconds(pid: int) -> float:
    """Processor seconds of the tree under `pid` so far, of children that have ended too."""
    return sum(sum(each.cpu_times()[:4]) for each in tree(pid))


def memory(pid: int) -> Memory:
    """What the tree under `pid` holds now."""
    kinds = {"Rss": 0, "Anonymous": 0, "Pss": 0}
    for each in tree(pid):
        for line in Path(f"/proc/{each.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            name, value = line.split(":")
            if name in kinds:
                kinds[name] += int(value.split()[0])
    return Memory(resident=kinds["Rss"] / 1024, anonymous=kinds["Anonymous"] / 1024, proportional=kinds["Pss"] / 1024)


def machine_busy_seconds() -> float:
    """Processor seconds that anybody on this machine has used, the host's share for others (steal) included."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq + times.steal


def load_average() -> float:
    """Processes that ran or wanted to in the last minute."""
    return os.getloadavg()[0]


def tree(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]
