"""The bridge that pods of the node hang on, and the rules that Kubernetes leaves behind in iptables."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from tests.cluster.commands import CommandFailed, run
from tests.cluster.control_plane import BRIDGE

BRIDGE_NAME = "recipes0"
_SUBNET = "10.244.0.0/24"
_TABLES = ("filter", "nat", "mangle")
_CHAINS = ("KUBE-", "RECIPES-")


def set_up(cni: Path) -> None:
    """Make the bridge, let it forward, and write the CNI configuration into `cni`.

    Raises CommandFailed, where another interface holds the address for one.
    """
    run("ip", "link", "add", BRIDGE_NAME, "type", "bridge")
    run("ip", "addr", "add", f"{BRIDGE}/24", "dev", BRIDGE_NAME)
    run("ip", "link", "set", BRIDGE_NAME, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="utf-8")
    # A Docker that started earlier may have set the policy to DROP, which cuts pods off from each other.
    run("iptables", "-w", "-N", "RECIPES-FORWARD")
    run("iptables", "-w", "-A", "RECIPES-FORWARD", "-i", BRIDGE_NAME, "-o", BRIDGE_NAME, "-j", "ACCEPT")
    run("iptables", "-w", "-I", "FORWARD", "-j", "RECIPES-FORWARD")
    cni.mkdir(parents=True, exist_ok=True)
    (cni / "10-recipes.conflist").write_text(json.dumps(_configuration(cni)), encoding="utf-8")


def tear_down() -> None:
    """Remove the bridge and the rules; what is not there is fine."""
    with suppress(CommandFailed):
        run("ip", "link", "delete", BRIDGE_NAME)
    for table in _TABLES:
        rules = run("iptables-save", "-t", table)
        kept = [line for line in rules.splitlines() if not any(chain in line for chain in _CHAINS)]
        if len(kept) < len(rules.splitlines()):
            run("iptables-restore", "-w", "-T", table, text="\n".join(kept) + "\n")


def foreign_rules() -> bool:
    """Whether another Kubernetes has rules here: ours are removed at each stop."""
    return os.geteuid() == 0 and "KUBE-SERVICES" in run("iptables-save", "-t", "nat")


def _configuration(cni: Path) -> dict[str, object]:
    return {
        "cniVersion": "0.4.0",
        "name": "recipes",
        "plugins": [{
            "type": "bridge", "bridge": BRIDGE_NAME, "isGateway": True, "ipMasq": False, "hairpinMode": True,
            "ipam": {
                "type": "host-local", "dataDir": str(cni / "addresses"), "routes": [{"dst": "0.0.0.0/0"}],
                "ranges": [[{"subnet": _SUBNET, "gateway": BRIDGE}]],
            },
        }],
    }  # fmt: skip
