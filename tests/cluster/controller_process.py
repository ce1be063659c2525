"""The controller as a process of this machine, against any API server."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from tests.cluster.commands import run, wait_established, wait_until
from tests.cluster.control_plane import free_ports
from tests.cluster.foreign_kinds import foreign_crds
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "charts" / "recipe-recommender" / "files" / "crds.yaml"


@dataclass(frozen=True)
class ControllerProcess:
    """One that runs."""

    process: Popen[bytes]
    url: str
    log: Path
    began: float

    def metric(self, line: str) -> float | None:
        """Return the value of a series, as its line in the exposition begins."""
        for each in httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines():
            if each.startswith(f"{line} "):
                return float(each.rpartition(" ")[2])
        return None

    @property
    def leads(self) -> bool:
        return self.metric("recipes_controller_leader") == 1

    def proc(self, name: str) -> str:
        """What the kernel says of the process."""
        return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="utf-8")

    @property
    def megabytes(self) -> float:
        """Memory in use now, in MiB."""
        return (
            next(int(line.split()[1]) for line in self.proc("status").splitlines() if line.startswith("VmRSS")) / 1024
        )

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        fields = self.proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_kinds(kubeconfig: Path) -> None:
    """Have our kinds and the foreign ones; what is there already stays."""
    kubectl = (toolset("kubernetes").program("kubectl"), "--kubeconfig", kubeconfig)
    ours = list(yaml.safe_load_all(CRDS.read_text(encoding="utf-8")))
    every: list[dict[str, Any]] = [*ours, *foreign_crds()]
    run(*kubectl, "apply", "--server-side", "--force-conflicts", "-f", "-", text=yaml.safe_dump_all(every))
    for each in every:
        wait_established(kubectl, each["metadata"]["name"])


@contextmanager
def controller_process(
    kubeconfig: Path, namespace: str, folder: Path, *, registry: str = "http://127.0.0.1:9", **settings: str
) -> Iterator[ControllerProcess]:
    """A controller for as long as the block runs; waits until it answers."""
    (port,) = free_ports(1)
    given = {
        "namespace": namespace, "kubeconfig": str(kubeconfig), "registry": registry, "http_port": str(port),
        "predictor_image": "predictor:1", "jobs_image": "jobs:1", "identity": f"process-{port}",
    } | settings  # fmt: skip
    environment = os.environ | {f"CONTROLLER_{name.upper()}": value for name, value in given.items()}
    log = folder / f"controller-{port}.log"
    with log.open("wb") as out:
        began = time.monotonic()
        process = Popen([sys.executable, "-m", "controller"], cwd=ROOT, env=environment, stdout=out, stderr=out)
        found = ControllerProcess(process=process, url=f"http://127.0.0.1:{port}", log=log, began=began)
        try:
            wait_until(lambda: _ready(found), "the controller is ready", seconds=60)
            yield found
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(found: ControllerProcess) -> bool:
    if found.process.poll() is not None:
        raise AssertionError(f"the controller ended with {found.process.returncode}: {found.log.read_text()[-2000:]}")
    try:
        return httpx.get(f"{found.url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False
