"""An OpenTelemetry Collector, put together by its own builder from Go modules, and run in front of a test.

`python -m tests.cluster.otel_collector` builds it, once for each version of its parts; it is kept beside the other tools.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.cluster.toolchain import MODULES, NotBuilt, build, toolset

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = MODULES / "collector" / "collector.yaml"
_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A collector that runs: where it takes OTLP over gRPC and over HTTP."""

    grpc: str
    http: str


def program() -> Path:
    """Where it is kept. Raises NotBuilt without Go."""
    return toolset("collector").folder / f"otelcol-{hashlib.sha256(PARTS.read_bytes()).hexdigest()[:12]}"


def built() -> Path:
    """Return it as it was built. Raises NotBuilt."""
    path = program()
    if not path.exists():
        raise NotBuilt("the OpenTelemetry Collector is not built: make cluster-tools")
    return path


def make() -> Path:
    """Build it unless it is there; processes that ask for it at once wait for each other."""
    tools, path = toolset("collector"), program()
    build(tools)
    with (tools.folder / ".collector").open("w") as lock, tempfile.TemporaryDirectory(dir=tools.folder) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path
        parts = yaml.safe_load(PARTS.read_text(encoding="utf-8"))
        parts["dist"]["output_path"] = scratch
        config = Path(scratch) / "parts.yaml"
        config.write_text(yaml.safe_dump(parts), encoding="utf-8")
        settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
        command = ["nice", "-n", "5", tools.program("builder"), f"--config={config}"]
        subprocess.run(command, check=True, env=os.environ | settings)
        (Path(scratch) / "otelcol").rename(path)
    return path


@contextmanager
def running(folder: Path, forward_to: str) -> Iterator[Collector]:
    """Run it; what it receives it sends on at once, over HTTP, to `forward_to`."""
    grpc, http = (f"127.0.0.1:{_free_port()}" for _ in range(2))
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp_http"]}
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": grpc}, "http": {"endpoint": http}}}},
        "exporters": {"otlp_http": {"endpoint": forward_to, "sending_queue": {"enabled": False}}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": pipeline, "metrics": pipeline},
        },
    }
    path, log = folder / "collector.yaml", folder / "collector.log"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with log.open("wb") as stream:
        process = subprocess.Popen([built(), f"--config={path}"], stdout=stream, stderr=stream)
    try:
        for address in (grpc, http):
            _wait(address, process, log)
        yield Collector(grpc=f"http://{grpc}", http=f"http://{http}")
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.stderr.write(f"{make()}\n")
