"""Debian's Prometheus beside the cluster, at an address that pods reach, with the chart's rules."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import httpx

from tests.cluster.chart import CHART
from tests.cluster.control_plane import BRIDGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.control_plane import ControlPlane
    from tests.cluster.processes import ProcessFolder

PORT = 19090
URL = f"http://{BRIDGE}:{PORT}"
_START_SECONDS = 60.0


def config(targets: Path, *, seconds: int) -> str:
    """A configuration that scrapes what is in the file `targets`, every `seconds`."""
    every = f"{seconds}s"
    return json.dumps({
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(CHART / "files" / "rules.yaml")],
        "scrape_configs": [
            {"job_name": "pods", "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}]},
        ],
    })  # fmt: skip


def ready(url: str) -> bool:
    """Whether it answers."""
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def start(folder: Path, control_plane: ControlPlane, processes: ProcessFolder, *, kubectl: Path) -> None:
    """Start it over an empty store, with what finds the pods. Raises NotReady."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = folder / "pods.json"
    (folder / "prometheus.yml").write_text(config(file, seconds=2), encoding="utf-8")
    processes.start(
        "discovery", [sys.executable, "-m", "tests.cluster.discovery", kubectl, control_plane.kubeconfig, file],
        {"PYTHONPATH": str(CHART.parents[1])},
    )  # fmt: skip
    process = processes.start("prometheus", [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=1d", f"--web.listen-address={BRIDGE}:{PORT}", "--log.level=warn",
    ])  # fmt: skip
    processes.wait(process, lambda: ready(URL), seconds=_START_SECONDS)
