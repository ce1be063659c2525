"""KServe's manager as a process of this machine, with its CRDs, roles, settings and webhooks from its own charts."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster.commands import run, wait_until
from tests.cluster.control_plane import BRIDGE
from tests.cluster.toolchain import module_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.control_plane import ControlPlane
    from tests.cluster.processes import ProcessFolder
    from tests.cluster.toolchain import Toolset

NAMESPACE = "kserve"
_MODULE = "github.com/kserve/kserve"
_WEBHOOKS = 9443
# What users set for this product too: docs/guide.md, kind-values/.
VALUES = {
    "kserve.controller.deploymentMode": "Standard",
    "kserve.controller.gateway.disableIngressCreation": "true",
}
# The manager runs outside, and its certificate is ours: no pod, no cert-manager.
_LEFT_OUT = {"Deployment", "Service", "Certificate", "Issuer", "Secret"}
_START_SECONDS = 120.0


class KServe:
    """Its keys are in `folder`, which is made anew at each start."""

    def __init__(self, folder: Path, control_plane: ControlPlane, processes: ProcessFolder) -> None:
        self._folder = folder
        self._control_plane = control_plane
        self._processes = processes

    def start(self, tools: Toolset, *, helm: Path, kubectl: Path) -> None:
        """Install it and wait until its webhooks answer. Raises NotReady, CommandFailed."""
        shutil.rmtree(self._folder, ignore_errors=True)
        keys = self._folder / "k8s-webhook-server" / "serving-certs"
        keys.mkdir(parents=True)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=kserve-webhooks",
            "-addext", f"subjectAltName=IP:{BRIDGE}", "-keyout", keys / "tls.key", "-out", keys / "tls.crt")  # fmt: skip
        charts = module_folder("kserve", _MODULE) / "charts"

        def apply(documents: str) -> None:
            run(kubectl, "--kubeconfig", self._control_plane.kubeconfig, "apply", "--server-side", "-f", "-",
                text=documents)  # fmt: skip

        apply(run(helm, "template", "kserve-crd", charts / "kserve-crd"))
        wait_until(lambda: self._established(kubectl), "the API serves KServe's kinds")
        apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))
        settings = [word for key, value in VALUES.items() for word in ("--set", f"{key}={value}")]
        rendered = run(helm, "template", "kserve", charts / "kserve-resources", "--namespace", NAMESPACE, *settings)
        kept = [each for each in yaml.safe_load_all(rendered) if each and each["kind"] not in _LEFT_OUT]
        webhooks = [each for each in kept if each["kind"].endswith("WebhookConfiguration")]
        apply(yaml.safe_dump_all(each for each in kept if each not in webhooks))
        process = self._processes.start("kserve", [
            tools.program("manager"), f"--kubeconfig={self._control_plane.kubeconfig}",
            "--metrics-addr=127.0.0.1:9444", "--health-probe-addr=127.0.0.1:9445", f"--webhook-port={_WEBHOOKS}",
        ], {"TMPDIR": str(self._folder), "POD_NAMESPACE": NAMESPACE})  # fmt: skip
        log = self._processes.log("kserve")
        self._processes.wait(
            process, lambda: "Serving webhook server" in log.read_text(encoding="utf-8"), seconds=_START_SECONDS
        )
        authority = (keys / "tls.crt").read_bytes()
        apply(yaml.safe_dump_all(_pointed_here(each, authority) for each in webhooks))

    def _established(self, kubectl: Path) -> bool:
        # Not `kubectl wait`: it ends with a fault where a CRD has no condition yet.
        listed = run(kubectl, "--kubeconfig", self._control_plane.kubeconfig, "get", "crd", "-o", "json")
        return all(
            {"type": "Established", "status": "True"}.items() <= condition.items()
            for each in json.loads(listed)["items"]
            for condition in each.get("status", {}).get("conditions") or [{}]
            if condition.get("type", "Established") == "Established"
        )


def _pointed_here(configuration: dict[str, Any], authority: bytes) -> dict[str, Any]:
    """Have the API server ask the process of this machine instead of a Service."""
    configuration["metadata"].get("annotations", {}).pop("cert-manager.io/inject-ca-from", None)
    for webhook in configuration["webhooks"]:
        path = webhook["clientConfig"].pop("service")["path"]
        webhook["clientConfig"] = {
            "url": f"https://{BRIDGE}:{_WEBHOOKS}{path}", "caBundle": base64.b64encode(authority).decode(),
        }  # fmt: skip
    return configuration
