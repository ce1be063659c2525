"""Servers that run: started, waited for, asked, and ended with all their children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psutil

from tests.bench.serving import processes
from tests.bench.serving.contestants import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.bench.serving.contestants import Contestant, Way

# Importing torch on cores that others use too.
START_SECONDS = 300
# What timers that came due while a server was stopped take.
SETTLE_SECONDS = 0.3
FIRST_QUESTION = "chicken soup with rice"
# Packages are compiled at a server's first start and not at each, as they are in an image.
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


class NotServing(Exception):  # noqa: N818 - a state, said in words
    """A server that ended, or did not answer in time; with the end of what it logged."""


@dataclass
class Server:
    """A running contestant."""

    contestant: Contestant
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    began: float
    client: httpx.Client

    @property
    def pid(self) -> int:
        return self.process.pid

    def url(self, way: Way) -> str:
        return f"http://127.0.0.1:{self.port}{way.path}"

    def ask(self, way: Way, query: str) -> list[str]:
        """The ids that it answers.

        Raises httpx.HTTPError.
        """
        answer = self.client.post(
            self.url(way), content=way.body(query), headers={"content-type": "application/json"}
        ).raise_for_status()
        return way.ids(answer.content)

    def wait(self) -> float:
        """Seconds from the process' start to its first answer, asked for every 20 ms.

        Raises NotServing.
        """
        while time.perf_counter() < self.began + START_SECONDS:
            if self.process.poll() is not None:
                raise NotServing(f"{self.contestant.name} ended by {self.process.returncode}: {self._said()}")
            try:
                self.ask(self.contestant.ways[0], FIRST_QUESTION)
            except httpx.HTTPError:
                time.sleep(0.02)
            else:
                return time.perf_counter() - self.began
        raise NotServing(f"{self.contestant.name} does not answer after {START_SECONDS} s: {self._said()}")

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let it run for the block: outside of such blocks it is stopped, for some servers poll while nobody asks."""
        self._signal(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
        try:
            yield
        finally:
            self.sleep()

    def sleep(self) -> None:
        """Stop the whole tree where it is."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for each in processes.tree(self.pid):
            each.send_signal(number)

    def _said(self) -> str:
        return "\n" + "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


@contextmanager
def started(contestant: Contestant, scratch: Path, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a server and end it; not waited for."""
    port = _free_port()
    log = scratch / f"{contestant.name}.log"
    command = contestant.command(port, scratch)
    with ExitStack() as stack:
        stream = stack.enter_context(log.open("wb"))
        client = stack.enter_context(httpx.Client(timeout=60))
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | _COMPILED | dict(contestant.environment) | (environment or {}),
            stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        stack.callback(_end, process)
        yield Server(contestant, process, port, log, began, client)


@contextmanager
def all_started(contestants: Sequence[Contestant], scratch: Path) -> Iterator[list[Server]]:
    """Start everybody, wait until each answers, and have all of them sleep; see `Server.awake`."""
    with ExitStack() as stack:
        servers = [stack.enter_context(started(each, scratch)) for each in contestants]
        for server in servers:
            server.wait()
            server.sleep()
        yield servers


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole tree to stop, then see that it does."""
    try:
        tree = processes.tree(process.pid)
    except psutil.NoSuchProcess:
        tree = []
    for each in tree:
        each.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=15)
    for each in alive:
        each.kill()
    process.wait(timeout=30)


def _free_port() -> int:
    # MLServer wants two more, 1,000 and 2,000 higher.
    for _ in range(100):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
        if port + 2000 < 65_536 and all(_free(port + more) for more in (1000, 2000)):
            return port
    raise NotServing("no three ports are free")


def _free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
