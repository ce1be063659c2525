"""One node: kubelet, kube-proxy and the cluster's DNS, as processes of this machine."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests.cluster.commands import run
from tests.cluster.control_plane import BRIDGE, PODS, ControlPlane
from tests.cluster.leftovers import remove_cgroups, unmount_below
from tests.cluster.runtime import SOCKET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.processes import ProcessFolder
    from tests.cluster.toolchain import Toolset

NODE = "node"
_DOMAIN = "cluster.local"
_START_SECONDS = 90.0


class Node:
    """Its data and configuration are in `folder`, which is made anew at each start."""

    def __init__(self, folder: Path, control_plane: ControlPlane, processes: ProcessFolder, tools: Toolset) -> None:
        self._folder = folder
        self._control_plane = control_plane
        self._processes = processes
        self._tools = tools

    def start(self, coredns: Path) -> None:
        """Start the parts and wait for the node. Raises NotReady."""
        self.clear()
        self._folder.mkdir(parents=True)
        # The API server asks the kubelet for logs and runs programs in pods by this identity.
        self._kubectl("create", "clusterrolebinding", "kubelet-api", "--clusterrole=system:kubelet-api-admin",
                      "--user=kube-apiserver-kubelet-client")  # fmt: skip
        self._start_proxy()
        kubelet = self._start_kubelet()
        self._processes.wait(kubelet, self._ready, seconds=_START_SECONDS)
        self._start_dns(coredns)

    def clear(self) -> None:
        """Remove what a kubelet that ended left: mounted volumes, and its folder."""
        unmount_below(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        remove_cgroups("kubepods")

    def _start_kubelet(self):
        config = self._folder / "kubelet.yaml"
        config.write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": BRIDGE, "healthzBindAddress": "127.0.0.1",
            "authentication": {"x509": {"clientCAFile": str(self._control_plane.pki / "ca.crt")},
                               "webhook": {"enabled": True}, "anonymous": {"enabled": False}},
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs", "failCgroupV1": False, "failSwapOn": False,
            "clusterDNS": [BRIDGE], "clusterDomain": _DOMAIN, "resolvConf": "",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
            "registerNode": True, "shutdownGracePeriod": "0s",
        }), encoding="utf-8")  # fmt: skip
        return self._processes.start("kubelet", [
            self._tools.program("kubelet"), f"--config={config}", f"--root-dir={self._folder / 'data'}",
            f"--kubeconfig={self._control_plane.kubeconfig_of('kubelet')}", f"--hostname-override={NODE}",
            f"--node-ip={BRIDGE}", f"--cert-dir={self._folder / 'keys'}",
        ])  # fmt: skip

    def _start_proxy(self) -> None:
        config = self._folder / "kube-proxy.yaml"
        config.write_text(json.dumps({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
            "clientConnection": {"kubeconfig": str(self._control_plane.kubeconfig)}, "clusterCIDR": PODS,
            "conntrack": {"maxPerCore": 0, "min": 0}, "hostnameOverride": NODE,
            "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
        }), encoding="utf-8")  # fmt: skip
        self._processes.start("kube-proxy", [self._tools.program("kube-proxy"), f"--config={config}"])

    def _start_dns(self, coredns: Path) -> None:
        corefile = self._folder / "Corefile"
        corefile.write_text(_COREFILE.format(
            address=BRIDGE, domain=_DOMAIN, kubeconfig=self._control_plane.kubeconfig,
        ), encoding="utf-8")  # fmt: skip
        process = self._processes.start("coredns", [coredns, "-conf", corefile])
        log = self._processes.log("coredns")
        self._processes.wait(process, lambda: "CoreDNS-" in log.read_text(encoding="utf-8"), seconds=_START_SECONDS)

    def _ready(self) -> bool:
        nodes = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in nodes
            for condition in node["status"]["conditions"]
        )

    def _kubectl(self, *arguments: str) -> str:
        return run(self._tools.program("kubectl"), "--kubeconfig", self._control_plane.kubeconfig, *arguments)


_COREFILE = """\
{domain}:53 in-addr.arpa:53 {{
    bind {address}
    errors
    kubernetes {domain} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
    }}
}}
"""
