"""A Kubernetes of one node with KServe and a Gateway, of ordinary packages, on this machine; root is needed.

`python -m tests.cluster.bed up` prints the line that points kubectl at it, `down` leaves nothing of it but built
programs and images in the cache folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import gateway, images, monitoring, network, values, volumes
from tests.cluster.commands import CommandFailed, run, say, step
from tests.cluster.control_plane import BRIDGE, ControlPlane
from tests.cluster.kserve import KServe
from tests.cluster.node import Node
from tests.cluster.processes import NotReady, ProcessFolder, Recorded
from tests.cluster.runtime import PAUSE, Runtime, ctr
from tests.cluster.toolchain import NotBuilt, build, cache_folder, toolset

# Debian's package of each program that is not ours to build.
_PACKAGES = {
    "etcd": "etcd-server", "containerd": "containerd", "runc": "runc", "dockerd": "docker.io", "ip": "iproute2",
    "iptables": "iptables", "debootstrap": "debootstrap", "openssl": "openssl", "prometheus": "prometheus",
    "/usr/lib/cni/bridge": "containernetworking-plugins", "conntrack": "conntrack", "pg_lsclusters": "postgresql",
}  # fmt: skip
# In the order in which they are needed.
_TOOLS = ("kubernetes", "pause", "coredns", "helm", "kserve", "traefik")


class Bed:
    """All parts, with what they write in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes = ProcessFolder(folder / "processes")
        self._tools = {name: toolset(name) for name in _TOOLS}
        self._control_plane = ControlPlane(
            folder / "control-plane", self._tools["kubernetes"], address=BRIDGE, node=True
        )
        self._runtime = Runtime(folder / "containerd", folder / "cni", self._processes)
        self._node = Node(folder / "node", self._control_plane, self._processes, self._tools["kubernetes"])
        self._kserve = KServe(folder / "kserve", self._control_plane, self._processes)

    @property
    def audit_log(self) -> Path:
        """What service accounts asked of the API."""
        return self._control_plane.audit_log

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self._control_plane.kubeconfig

    @property
    def kserve(self) -> Recorded:
        """The process of KServe's controller, which answers its webhooks too."""
        return self._processes.named("kserve")

    def programs(self, tools: str) -> Path:
        """The folder of a toolset's programs."""
        return self._tools[tools].folder

    def crash_api(self) -> None:
        """Kill the API server, and start it again as it was."""
        self._control_plane.crash_api()

    @property
    def running(self) -> bool:
        """Whether a start came to its end, and every part that it started runs still."""
        parts = self._processes.recorded()
        return self._whole.exists() and self._control_plane.running and all(process.running for process in parts)

    @property
    def _whole(self) -> Path:
        return self._folder / "whole"

    def start(self) -> None:
        """Start what does not run, and bring in the images as the sources are now.

        Raises NotBuilt, NotReady, CommandFailed, ImageTooLarge.
        """
        self.prepare()
        if not self.running:
            self.stop()
            if network.foreign_rules():
                raise NotReady("another Kubernetes runs on this machine: its rules are in iptables")
            try:
                self._start()
            except BaseException:  # Ctrl-C too
                self._keep_logs()
                self.stop()
                raise
        with step("images"):
            self._bring_images()
        self.offer_volumes()
        values.write(monitoring.URL)

    def offer_volumes(self) -> None:
        """Have volumes for whoever claims one, also where those that there were are used up. Raises CommandFailed."""
        volumes.offer(self._program("kubernetes", "kubectl"), self.kubeconfig, self._folder / "volumes")

    def _keep_logs(self) -> None:
        logs, kept = self._folder / "processes", self._folder / "failed"
        shutil.rmtree(kept, ignore_errors=True)
        if logs.exists():  # the control plane came up, which keeps its own and says what ended it
            shutil.copytree(logs, kept)
            say(f"logs: {kept}")

    def prepare(self) -> None:
        """Install Debian's packages and build the programs, those that are not there. Raises CommandFailed."""
        _install_packages()
        for name in _TOOLS:
            build(self._tools[name])

    def stop(self) -> None:
        """End everything, the last first, and remove what it left: mounts, interfaces, rules, control groups."""
        self._whole.unlink(missing_ok=True)
        for process in self._processes.recorded():
            if process.name == "containerd":
                self._runtime.stop(process)
            else:
                process.stop()
        self._processes.stop()
        self._control_plane.stop()
        self._node.clear()
        network.tear_down()
        shutil.rmtree(self._folder / "cni", ignore_errors=True)
        shutil.rmtree(self._folder / "volumes", ignore_errors=True)
        shutil.rmtree("/run/recipes-cluster", ignore_errors=True)

    def _start(self) -> None:
        kubectl = self._program("kubernetes", "kubectl")
        self._folder.mkdir(parents=True, exist_ok=True)
        with step("bridge and control plane"):
            network.set_up(self._folder / "cni")
            self._control_plane.start()
        with step("containerd and node"):
            self._runtime.start()
            self._node.start(self._program("coredns", "coredns"))
        with step("KServe"):
            self._kserve.start(self._tools["kserve"], helm=self._program("helm", "helm"), kubectl=kubectl)
        with step("Gateway"):
            gateway.start(self._control_plane, self._processes, self._tools["traefik"], kubectl=kubectl)
        with step("Prometheus"):
            monitoring.start(self._folder / "monitoring", self._control_plane, self._processes, kubectl=kubectl)
        self._whole.touch()

    def _bring_images(self) -> None:
        present = self._runtime.images()
        wanted = {role: images.name_of(role) for role in (*images.ROLES, images.ACTOR)}
        missing = {role: name for role, name in wanted.items() if name not in present}
        if missing or PAUSE not in present:
            folder = self._folder / "images"
            folder.mkdir(parents=True, exist_ok=True)
            with images.docker(folder), tempfile.TemporaryDirectory(dir=folder) as scratch:
                archive = Path(scratch) / "images.tar"
                images.build(missing, folder)
                images.make_of_one_program(PAUSE, self._program("pause", "pause"))
                images.save([PAUSE, *missing.values()], archive)
                images.forget_old({PAUSE, *wanted.values()})
                with step("handing the images to containerd"):
                    ctr("image", "import", archive)
        for old in present - {PAUSE, *wanted.values()}:
            if old.startswith("recipe-recommender/"):
                ctr("image", "rm", f"docker.io/{old}")

    def _program(self, tools: str, command: str) -> Path:
        return self._tools[tools].program(command)


def _install_packages() -> None:
    missing = sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})
    if missing:
        with step(f"installing {', '.join(missing)}"):
            # Installed, not started: a service that a package starts would take ports and folders.
            environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
            run("apt-get", "update", "-q", environment=environment)
            run("apt-get", "install", "-y", "-q", "--no-install-recommends", *missing, environment=environment)


def default_folder() -> Path:
    """Return where the bed lives unless CLUSTER_FOLDER says otherwise."""
    return Path(os.environ.get("CLUSTER_FOLDER") or cache_folder() / "cluster")


def main(arguments: list[str]) -> int:
    """Run `tools`, `up` or `down`."""
    if os.geteuid() != 0:
        say("a node needs root; `make apiserver` does not")
        return 1
    started = time.monotonic()
    try:
        bed = Bed(default_folder())
        match arguments:
            case ["up"]:
                bed.start()
                say(
                    f"the cluster is up after {time.monotonic() - started:.0f} s; the Gateway listens on 127.0.0.1:{gateway.PORT}"
                )
                folders = [bed.programs("kubernetes"), bed.programs("helm"), images.ROOT / ".venv" / "bin"]
                sys.stdout.write(f"export KUBECONFIG={bed.kubeconfig} PATH={':'.join(map(str, folders))}:$PATH\n")
            case ["tools"]:
                bed.prepare()
            case ["down"]:
                bed.stop()
            case _:
                say("python -m tests.cluster.bed tools|up|down")
                return 2
    except (NotBuilt, NotReady, CommandFailed, images.ImageTooLarge) as fault:
        say(str(fault))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
