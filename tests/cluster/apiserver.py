"""A Kubernetes API without nodes: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1, no root needed.

`python -m tests.cluster.apiserver up` prints the line that points kubectl at it; `down` stops it and deletes its data.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import NotReady
from tests.cluster.toolchain import NotBuilt, build, cache_folder, toolset

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def api_server(folder: Path) -> Iterator[ControlPlane]:
    """An API server for as long as the block runs."""
    server = ControlPlane(folder, toolset("kubernetes"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main(arguments: list[str]) -> int:
    """Run `up` or `down`."""
    server = ControlPlane(
        Path(os.environ.get("APISERVER_FOLDER") or cache_folder() / "apiserver"), toolset("kubernetes")
    )
    match arguments:
        case ["up"]:
            try:
                if not server.running:
                    build(toolset("kubernetes"))
                    server.start()
            except (NotBuilt, NotReady) as fault:
                sys.stderr.write(f"{fault}\n")
                return 1
            sys.stdout.write(f"export KUBECONFIG={server.kubeconfig}\n")
        case ["down"]:
            server.stop()
        case _:
            sys.stderr.write("python -m tests.cluster.apiserver up|down\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
