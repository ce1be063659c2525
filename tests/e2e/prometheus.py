"""Debian's Prometheus over the pods of a namespace, scraped where pods reach it.

It scrapes more often than the bed's own, and dies when a test wants it to.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx

from tests.cluster.control_plane import free_ports
from tests.cluster.discovery import targets, write
from tests.cluster.monitoring import config, ready
from tests.cluster.processes import ProcessFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.processes import Recorded
    from tests.e2e.kube import Kube

_START_SECONDS = 60.0


class Prometheus:
    """One that runs."""

    def __init__(self, url: str, process: Recorded) -> None:
        self.url = url
        self.process = process

    def value(self, query: str) -> float | None:
        """Return the one value of an instant query, None where there is none."""
        result = self._result(query)
        return float(result[0]["value"][1]) if result else None

    def labels(self, query: str, name: str) -> set[str]:
        """Return what a label is in the series of an instant query."""
        return {series["metric"][name] for series in self._result(query)}

    def fires(self, alert: str) -> bool:
        """Whether the chart's alert of this name is firing."""
        return bool(self._result(f'ALERTS{{alertname="{alert}", alertstate="firing"}}'))

    def drawn(self, query: str, seconds: float) -> int:
        """Return how many series a panel would draw of the last `seconds`."""
        end = time.time()
        span = {"query": query, "start": end - seconds, "end": end, "step": "5"}
        answer = httpx.get(f"{self.url}/api/v1/query_range", params=span, timeout=30)
        if answer.status_code != httpx.codes.OK:
            raise AssertionError(f"{query}: {answer.text}")
        return len(answer.json()["data"]["result"])

    def _result(self, query: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=10).raise_for_status().json()
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def running_prometheus(kube: Kube, folder: Path) -> Iterator[Prometheus]:
    """Yield one that scrapes every second, and listens where pods can ask it too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    file = folder / "prometheus.yml"
    file.write_text(config(folder / "pods.json", seconds=1), encoding="utf-8")
    processes = ProcessFolder(folder / "processes")
    url = f"http://{kube.host}:{port}"
    process = processes.start("prometheus", [
        "prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={kube.host}:{port}", "--log.level=warn",
    ])  # fmt: skip

    stopping = Event()
    discovery = Thread(target=_discover, args=(kube, folder / "pods.json", stopping), daemon=True)
    discovery.start()
    try:
        processes.wait(process, lambda: ready(url), seconds=_START_SECONDS)
        yield Prometheus(url, process)
    finally:
        stopping.set()
        discovery.join()
        processes.stop()
        shutil.rmtree(folder)


def _discover(kube: Kube, file: Path, stopping: Event) -> None:
    while not stopping.wait(1):
        write(targets(kube.list("pods")), file)
