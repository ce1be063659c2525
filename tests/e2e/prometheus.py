"""Debian's Prometheus over the pods of a namespace: it finds them by the API and scrapes them on the bridge."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from tests.cluster.control_plane import BRIDGE, free_ports
from tests.cluster.processes import ProcessFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.kube import Kube

_START_SECONDS = 60.0


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def value(self, query: str) -> float | None:
        """Return the one value of an instant query, None where there is none."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=10).raise_for_status().json()
        result: list[dict[str, Any]] = answer["data"]["result"]
        return float(result[0]["value"][1]) if result else None


@contextmanager
def running_prometheus(kube: Kube, folder: Path) -> Iterator[Prometheus]:
    """Yield one that scrapes every second, and listens on the bridge, so that pods can ask it too."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{
            "job_name": "pods",
            "kubernetes_sd_configs": [
                {"role": "pod", "kubeconfig_file": str(kube.kubeconfig), "namespaces": {"names": [kube.namespace]}},
            ],
            "relabel_configs": [
                {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "http1|metrics", "action": "keep"},
                {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            ],
        }],
    }), encoding="utf-8")  # fmt: skip
    processes = ProcessFolder(folder / "processes")
    url = f"http://{BRIDGE}:{port}"
    process = processes.start("prometheus", [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={BRIDGE}:{port}", "--log.level=warn",
    ])  # fmt: skip

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/-/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    try:
        processes.wait(process, ready, seconds=_START_SECONDS)
        yield Prometheus(url)
    finally:
        processes.stop()
        shutil.rmtree(folder)
