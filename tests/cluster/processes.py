"""Processes that outlive the command that started them, stopped by the id that was recorded, never by name."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_STOP_SECONDS = 15.0


class NotReady(Exception):  # noqa: N818 - a state, said in words
    """Something did not come up in time, or ended; the message holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A process by its id and the moment of its start, in clock ticks since boot: an id alone may be given anew."""

    name: str
    pid: int
    started: int
    command: Sequence[str] = ()  # a bed that ran before commands were recorded can still be stopped

    @property
    def running(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _start_of(self.pid) == self.started

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody while the block runs: worse than dead, for whoever asks it has to wait."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would, and wait until its last thread is gone: before, its ports are still taken."""
        process = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], _STOP_SECONDS)
        finally:
            os.close(process)

    def stop(self) -> None:
        """Ask it to end, then end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                return
            os.kill(self.pid, number)
            end = time.monotonic() + _STOP_SECONDS
            while self.running and time.monotonic() < end:
                time.sleep(0.05)


class ProcessFolder:
    """Starts processes with their logs and records in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Recorded:
        """Start `command` with its output in NAME.log, and record it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as stream:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=self._folder, env=os.environ | (environment or {}),
                stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._children.append(process)
        words = [str(part) for part in command]
        recorded = Recorded(name=name, pid=process.pid, started=_start_of(process.pid) or 0, command=words)
        self._record(name).write_text(json.dumps(asdict(recorded)), encoding="utf-8")
        return recorded

    def recorded(self) -> list[Recorded]:
        """Return what was started here, the last first."""
        paths = sorted(self._folder.glob("*.process"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [Recorded(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]

    def named(self, name: str) -> Recorded:
        """Return the process of this name. Raises LookupError where none was started."""
        for process in self.recorded():
            if process.name == name:
                return process
        raise LookupError(f"no {name} was started in {self._folder}")

    def stop(self) -> None:
        """Stop everything that was started here, the last first."""
        for process in self.recorded():
            process.stop()
            self._record(process.name).unlink()
        for child in self._children:
            if child.poll() is None:  # its record was somebody else's to remove
                child.kill()
                child.wait(_STOP_SECONDS)
        self._children.clear()

    def leave(self) -> None:
        """Let what was started here outlive this command, without Python's warning that it does."""
        for child in self._children:
            child.returncode = 0
        self._children.clear()

    def wait(self, process: Recorded, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until `ready`.

        Raises NotReady, with the end of the log, where the process ends first or time runs out.
        """
        end = time.monotonic() + seconds
        while not ready():
            if not process.running:
                raise NotReady(f"{process.name} ended: {self._tail(process.name)}")
            if time.monotonic() > end:
                raise NotReady(f"{process.name} is not ready after {seconds:g} s: {self._tail(process.name)}")
            time.sleep(0.1)

    def log(self, name: str) -> Path:
        """Return the path of a process's output."""
        return self._folder / f"{name}.log"

    def _record(self, name: str) -> Path:
        return self._folder / f"{name}.process"

    def _tail(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _start_of(pid: int) -> int | None:
    """Return when the process started (`starttime` of proc(5)), None where none runs by that id."""
    # A child that ended stays visible until somebody asks how.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])
