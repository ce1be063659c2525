"""What autoscalers ask: metrics-server over the node's kubelet, a process of this machine behind the aggregated API."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.cluster.commands import CommandFailed, run
from tests.cluster.control_plane import BRIDGE, free_ports
from tests.cluster.processes import ProcessFolder
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMESPACE = "kube-system"
_NAME = "metrics-server"


@contextmanager
def resource_metrics(kubectl: Path, kubeconfig: Path, folder: Path) -> Iterator[None]:
    """Have the API answer what pods use while the block runs. Raises NotBuilt, NotReady."""
    program = toolset(_NAME).program(_NAME)
    (port,) = free_ports(1)
    asks = (kubectl, "--kubeconfig", kubeconfig)
    objects = _objects(port)
    processes = ProcessFolder(folder)
    try:
        process = processes.start(_NAME, [
            program, f"--kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}", f"--bind-address={BRIDGE}", f"--secure-port={port}",
            f"--cert-dir={folder / 'keys'}", "--kubelet-insecure-tls", "--metric-resolution=10s", "--kubelet-request-timeout=5s",
            "--kubelet-preferred-address-types=InternalIP",
        ])  # fmt: skip
        run(*asks, "apply", "--server-side", "-f", "-", text=json.dumps(objects))
        processes.wait(process, lambda: _answers(asks), seconds=90)
        yield
    finally:
        run(*asks, "delete", "--ignore-not-found", "-f", "-", text=json.dumps(objects))
        processes.stop()


def _answers(asks: tuple[str | Path, ...]) -> bool:
    try:
        return bool(json.loads(run(*asks, "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"))["items"])
    except CommandFailed:
        return False


def _objects(port: int) -> dict[str, Any]:
    """A Service that leads to the process, and the API that is asked there."""
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": _NAME, "namespace": _NAMESPACE},
        "spec": {"ports": [{"port": 443, "targetPort": port}]},
    }  # fmt: skip
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": _NAME, "namespace": _NAMESPACE, "labels": {"kubernetes.io/service-name": _NAME}},
        "endpoints": [{"addresses": [BRIDGE]}], "ports": [{"port": port, "name": ""}],
    }  # fmt: skip
    api = {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": True, "service": {"name": _NAME, "namespace": _NAMESPACE},
        },
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "List", "items": [service, endpoints, api]}
