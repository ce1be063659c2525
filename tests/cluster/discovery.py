"""The pods that Prometheus is to scrape, written to a file each second: `python -m tests.cluster.discovery KUBECTL KUBECONFIG FILE`.

Debian builds Prometheus without discovery by the Kubernetes API. The labels are those that a PodMonitor would set.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.commands import CommandFailed, run, say

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREDICTOR = "http1"  # as KServe wants a predictor's port named
_COMPONENT = "app.kubernetes.io/component"


def targets(pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ports of ours among the pods that run."""
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
            "labels": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]},
        }
        for pod in pods
        if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if port.get("name") == _PREDICTOR or pod["metadata"].get("labels", {}).get(_COMPONENT) == "controller"
    ]


def write(found: list[dict[str, Any]], file: Path) -> None:
    """Replace the file, so that nobody reads half of it."""
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.rename(file)


def main(kubectl: str, kubeconfig: str, file: Path) -> None:
    """Write until stopped; an API that does not answer leaves the file as it was."""
    while True:
        try:
            listed = run(
                kubectl, "--kubeconfig", kubeconfig, "get", "pods", "--all-namespaces", "-o", "json", seconds=10
            )
            write(targets(json.loads(listed)["items"]), file)
        except CommandFailed as fault:
            say(str(fault))
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
