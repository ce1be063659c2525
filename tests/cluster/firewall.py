"""What enforces NetworkPolicies on our node, whose network is a bare bridge: kube-router, as a firewall and no more.

It writes iptables and ipsets of the whole machine, so nothing starts it but the test that is about it. (Kubernetes' own
kube-network-policies queues packets by nftables, which takes CONFIG_NFT_QUEUE; the kernels of our machines lack it.)
"""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.commands import CommandFailed, run
from tests.cluster.node import NODE
from tests.cluster.processes import ProcessFolder
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from collections.abc import Iterator

# Packets between pods cross the bridge, and iptables sees them where the kernel is told so.
_BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_SERVICES = "10.96.0.0/16"
_OWN_CHAIN = re.compile(r"KUBE-(?:ROUTER|NWPLCY|POD-FW)-[A-Z0-9]+")
_OWN_SET = re.compile(r"KUBE-(?:SRC|DST)-[A-Z0-9]{16}")


@contextmanager
def firewall(kubeconfig: Path, folder: Path) -> Iterator[None]:
    """Have policies enforced while the block runs. Raises NotBuilt, NotReady; CommandFailed where ipset is missing."""
    if shutil.which("ipset") is None:
        raise CommandFailed("ipset is not installed: apt-get install ipset")
    program = toolset("kube-router").program("kube-router")
    before = _BRIDGED.read_text(encoding="utf-8")
    _BRIDGED.write_text("1", encoding="utf-8")
    processes = ProcessFolder(folder)
    try:
        process = processes.start("kube-router", [
            program, "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--enable-cni=false",
            f"--kubeconfig={kubeconfig}", f"--hostname-override={NODE}", f"--service-cluster-ip-range={_SERVICES}",
            "--iptables-sync-period=10s", "--metrics-port=0", "--health-port=0", "--v=1",
        ])  # fmt: skip
        processes.wait(process, lambda: "KUBE-ROUTER-FORWARD" in run("iptables-save", "-t", "filter"), seconds=60)
        yield
    finally:
        processes.stop()
        _remove()
        _BRIDGED.write_text(before, encoding="utf-8")


def _remove() -> None:
    """Take out the rules and sets that it wrote, and no others.

    `kube-router --cleanup-config` leaves all of them, and then fails over ipvs, where only the firewall ran.
    """
    lines = run("iptables-save", "-t", "filter").splitlines()
    chains = sorted({chain for line in lines if line.startswith(":") for chain in _OWN_CHAIN.findall(line)})
    rules = [line.split(maxsplit=2) for line in lines if line.startswith("-A ")]
    jumps = [f"-D {chain} {rule}" for _, chain, rule in rules if chain not in chains and _OWN_CHAIN.search(rule)]
    empty, delete = [f":{chain} - [0:0]" for chain in chains], [f"-X {chain}" for chain in chains]
    run("iptables-restore", "--noflush", text="\n".join(["*filter", *empty, *jumps, *delete, "COMMIT", ""]))
    for name in run("ipset", "list", "-name").split():
        if _OWN_SET.fullmatch(name):
            run("ipset", "destroy", name)
