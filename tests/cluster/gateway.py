"""Traefik as the Gateway: one listener on 127.0.0.1, whose routes lead to the pods of the node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cluster.commands import run
from tests.cluster.toolchain import module_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.control_plane import ControlPlane
    from tests.cluster.processes import ProcessFolder
    from tests.cluster.toolchain import Toolset

NAMESPACE = "gateway"
NAME = "recipes"
PORT = 18000
_PING = 18001
_START_SECONDS = 60.0


def start(control_plane: ControlPlane, processes: ProcessFolder, tools: Toolset, *, kubectl: Path) -> None:
    """Install the Gateway API and a Gateway, and wait until Traefik has programmed it. Raises NotReady, CommandFailed."""

    def kube(*arguments: str | Path, text: str | None = None) -> str:
        return run(kubectl, "--kubeconfig", control_plane.kubeconfig, *arguments, text=text)

    crds = module_folder("traefik", "sigs.k8s.io/gateway-api") / "config" / "crd" / "standard"
    kube("apply", "--server-side", "-f", crds)
    kube("apply", "--server-side", "-f", "-", text="\n---\n".join(json.dumps(each) for each in _OBJECTS))
    process = processes.start("traefik", [
        tools.program("traefik"), "--providers.kubernetesgateway=true",
        "--providers.kubernetesgateway.statusaddress.ip=127.0.0.1",
        f"--entrypoints.web.address=127.0.0.1:{PORT}", f"--entrypoints.traefik.address=127.0.0.1:{_PING}",
        "--ping=true", "--log.level=INFO", "--global.checknewversion=false", "--global.sendanonymoususage=false",
    ], {"KUBECONFIG": str(control_plane.kubeconfig)})  # fmt: skip

    def programmed() -> bool:
        gateway = json.loads(kube("get", "gateway", NAME, "--namespace", NAMESPACE, "-o", "json"))
        conditions = gateway.get("status", {}).get("conditions", [])
        return any(each["type"] == "Programmed" and each["status"] == "True" for each in conditions)

    processes.wait(process, programmed, seconds=_START_SECONDS)


_OBJECTS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "traefik"},
        "spec": {"controllerName": "traefik.io/gateway-controller"},
    },
    {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "gatewayClassName": "traefik",
            "listeners": [{
                "name": "web", "protocol": "HTTP", "port": PORT, "allowedRoutes": {"namespaces": {"from": "All"}},
            }],
        },
    },
)  # fmt: skip
