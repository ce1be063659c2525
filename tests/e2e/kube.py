"""The API of a cluster, as far as the tests ask it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cluster.commands import CommandFailed, run, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cluster import Cluster


class Kube:
    """One namespace, by kubectl: what is tested is what its user types."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.namespace = namespace
        self.kubeconfig = cluster.kubeconfig
        self.host = cluster.host
        self.node = cluster.node
        self._start = (cluster.kubectl, "--kubeconfig", cluster.kubeconfig, "--namespace", namespace)

    def __call__(self, *arguments: str | Path, text: str | None = None) -> str:
        return run(*self._start, *arguments, text=text)

    def open(self) -> None:
        """Make the namespace, which lets in only pods that the strictest standard allows."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}})

    def apply(self, *objects: dict[str, Any]) -> None:
        self("apply", "--server-side", "-f", "-", text="\n---\n".join(json.dumps(each) for each in objects))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return the object. Raises CommandFailed where there is none."""
        return json.loads(self("get", kind, name, "-o", "json"))

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        return json.loads(self("get", kind, "--selector", selector, "-o", "json"))["items"]

    def condition(self, kind: str, name: str, condition: str) -> str:
        """Return the status of a condition, `Unknown` where there is none yet."""
        for each in self.get(kind, name).get("status", {}).get("conditions", []):
            if each["type"] == condition:
                return each["status"]
        return "Unknown"

    def wait(self, kind: str, name: str, condition: str, *, seconds: float = 180.0) -> None:
        """Wait for a condition. Raises CommandFailed with what the namespace has to say."""
        try:
            wait_until(
                lambda: self.condition(kind, name, condition) == "True", f"{kind} {name} {condition}", seconds=seconds
            )
        except CommandFailed as late:
            raise CommandFailed(f"{late}\n{self.report()}") from late

    def report(self) -> str:
        """Everything that helps to see what went wrong: pods, events, the ends of logs."""
        asked = [("get", "pods,isvc,jobs,httproutes", "-o", "wide"), ("get", "events", "--sort-by=.lastTimestamp")]
        try:
            pods = [pod["metadata"]["name"] for pod in self.list("pods")]
        except CommandFailed:  # a test may have left no API to ask
            pods = []
        asked += [("logs", name, "--all-containers", "--prefix", "--tail=40") for name in pods]
        return "\n".join(f"--- {' '.join(words)}\n{self._said(*words)}" for words in asked)

    def _said(self, *arguments: str) -> str:
        try:
            return self(*arguments)
        except CommandFailed as fault:
            return str(fault)

    def address(self, service: str) -> str:
        """Return the address of a Service within the cluster, which this machine reaches too."""
        return self.get("service", service)["spec"]["clusterIP"]
