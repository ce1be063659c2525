"""Volumes for whoever claims one without naming a class: folders of the node, for there is nobody who provisions."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from tests.cluster.commands import run
from tests.cluster.node import NODE

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 4
_LABEL = "bed=offered"


def offer(kubectl: Path, kubeconfig: Path, folder: Path) -> None:
    """Have all of them free or in use; one that somebody let go of is emptied and offered again. Raises CommandFailed."""
    command = (kubectl, "--kubeconfig", kubeconfig)
    listed = json.loads(run(*command, "get", "persistentvolumes", "--selector", _LABEL, "-o", "json"))["items"]
    for each in listed:
        if each["status"].get("phase") in ("Released", "Failed"):
            run(*command, "delete", "persistentvolume", each["metadata"]["name"])
            shutil.rmtree(folder / each["metadata"]["name"], ignore_errors=True)
    volumes = [_volume(f"offered-{number}", folder) for number in range(1, NUMBER + 1)]
    run(*command, "apply", "--server-side", "-f", "-", text="\n---\n".join(json.dumps(each) for each in volumes))


def _volume(name: str, folder: Path) -> dict[str, Any]:
    (folder / name).mkdir(parents=True, exist_ok=True)
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
    return {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": {"bed": "offered"}},
        "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain", "local": {"path": str(folder / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }  # fmt: skip
