"""A real predictor process on free ports, started and stopped by a test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# Importing KServe takes 5 s of an idle processor, and tests share theirs.
START_SECONDS = 90.0
_QUIET_SECONDS = 0.8


@dataclass
class PredictorProcess:
    """The process, where it listens, and what it has logged."""

    process: subprocess.Popen[bytes]
    http_port: int
    grpc_port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=30, **options)

    def recommend(self, query: str, **fields: Any) -> httpx.Response:
        return self.post("/recommend", {"query": query, **fields})

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the lines of the log, all or those of one event.

        Threads note a request and write its line, 0.3 s later on an idle machine: nothing came for longer than that.
        """
        size = -1
        while size != (size := self.log.stat().st_size):
            time.sleep(_QUIET_SECONDS)
        found = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [line for line in found if event is None or line["event"] == event]

    @property
    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def wait_until_listening(self) -> None:
        self._wait(lambda: socket.create_connection(("127.0.0.1", self.http_port), timeout=1).close())

    def wait_until_ready(self) -> None:
        self._wait(lambda: self.get("/v2/health/ready").raise_for_status())

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def _wait(self, try_once: Any) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            assert self.process.poll() is None, f"it ended by {self.process.returncode}: {self.log.read_text()}"
            try:
                try_once()
            except (OSError, httpx.HTTPError):
                assert time.monotonic() < end, f"not there after {START_SECONDS} s: {self.log.read_text()}"
                time.sleep(0.1)
            else:
                return


@contextmanager
def predictor_process(
    folder: Path, *flags: str, module: str = "tests.service.fake_predictor", **environment: str
) -> Iterator[PredictorProcess]:
    """Start `module` with `flags` and kill it at the end if it still runs. Its output goes to a file in `folder`."""
    http_port, grpc_port = free_ports()
    log = folder / "predictor.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--host", "127.0.0.1", "--http-port", str(http_port),
             "--grpc-port", str(grpc_port), *flags],
            cwd=ROOT, env=os.environ | environment, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield PredictorProcess(process=process, http_port=http_port, grpc_port=grpc_port, log=log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)


def free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
