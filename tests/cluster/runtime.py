"""containerd with a configuration and folders of its own: what runs the pods."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.commands import CommandFailed, run
from tests.cluster.leftovers import unmount_below

if TYPE_CHECKING:
    from tests.cluster.processes import ProcessFolder, Recorded

# Short: a socket's path may have 107 characters.
_STATE = Path("/run/recipes-cluster/containerd")
SOCKET = Path("/run/recipes-cluster/containerd.sock")
PAUSE = "recipe-recommender/pause:1"
_START_SECONDS = 60.0


class Runtime:
    """Keeps images in `folder` from one start to the next; pods it does not keep."""

    def __init__(self, folder: Path, cni: Path, processes: ProcessFolder) -> None:
        self._folder = folder
        self._cni = cni
        self._processes = processes

    def start(self) -> None:
        """Start it, with no pod left over. Raises NotReady."""
        self._folder.mkdir(parents=True, exist_ok=True)
        SOCKET.parent.mkdir(parents=True, exist_ok=True)
        config = self._folder / "config.toml"
        config.write_text(
            _CONFIG.format(root=self._folder / "root", state=_STATE, socket=SOCKET, cni=self._cni, pause=PAUSE),
            encoding="utf-8",
        )
        process = self._processes.start("containerd", ["containerd", "--config", config])
        self._processes.wait(process, self._answers, seconds=_START_SECONDS)
        self.remove_containers()

    def stop(self, process: Recorded) -> None:
        """End the pods, and then it."""
        if process.running:
            with suppress(CommandFailed):
                self.remove_containers()
        process.stop()
        unmount_below(_STATE)

    def remove_containers(self) -> None:
        """End every container and forget it. The shim of a pod ends with its last task."""
        for task in ctr("task", "ls", "-q").split():
            with suppress(CommandFailed):  # it may end by itself meanwhile
                ctr("task", "delete", "--force", task)
        for container in ctr("container", "ls", "-q").split():
            with suppress(CommandFailed):
                ctr("container", "delete", container)

    def images(self) -> set[str]:
        """Return the names of the images that it holds."""
        return {name.removeprefix("docker.io/").removeprefix("library/") for name in ctr("image", "ls", "-q").split()}

    def _answers(self) -> bool:
        try:
            ctr("version")
        except CommandFailed:
            return False
        return True


def ctr(*arguments: str | Path) -> str:
    """Run containerd's own client on the namespace of the kubelet. Raises CommandFailed."""
    return run("ctr", "--address", SOCKET, "--namespace", "k8s.io", *arguments)


_CONFIG = """\
version = 2
root = "{root}"
state = "{state}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE runc otherwise dies with "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  # Below `state`, so that a stop finds them.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""
