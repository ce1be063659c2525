"""Each job in a process of its own, which outlives a killed shell and is found again by the next one.

A job's process holds a file lock for as long as it runs: who is alive is asked of the kernel, not of a process id that
may belong to somebody else by now. Two processes of one job cannot both run, so nothing is done twice. Each leads a
group of its own, so that what it started ends with it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops.embedded.job_table import JobTable

TRIES = 3
STOP_SECONDS = 5.0
WATCH_SECONDS = 0.2
FAILED = "Failed"

_log = structlog.stdlib.get_logger("mlops")


class AlreadyRunning(Exception):  # noqa: N818 - a finding for the second process, which then simply ends
    """Another process runs this job."""


@contextmanager
def only_process_of(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of a job for as long as the block runs. Raises AlreadyRunning."""
    # Not truncated before the lock is ours: what is in it says whom to end.
    with (folder / f"{name}.lock").open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(name) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def end_process_of(folder: Path, name: str, wait: Callable[[float], object]) -> bool:
    """End the process of a job, whoever started it, with all that it started; False where none runs.

    It is asked first, and killed when it has not ended after STOP_SECONDS; `wait` sleeps for so many seconds.
    """
    ended = False
    for patience in range(round(STOP_SECONDS / WATCH_SECONDS) * 2):
        try:
            with only_process_of(folder, name):
                return ended
        except AlreadyRunning:
            ended = True
            number = (folder / f"{name}.lock").read_text(encoding="utf-8")
            if number.isdecimal():
                _signal_group(
                    int(number), signal.SIGTERM if patience * WATCH_SECONDS < STOP_SECONDS else signal.SIGKILL
                )
            wait(WATCH_SECONDS)
    return ended


def _signal_group(leader: int, number: signal.Signals) -> None:
    """Signal a job's process and what it started; one that is no leader (a test's) alone."""
    with suppress(ProcessLookupError):
        if os.getpgid(leader) == leader:
            os.killpg(leader, number)
        else:
            os.kill(leader, number)


class JobProcesses:
    """Starts jobs, ends them, and takes up those that an earlier shell left behind.

    `command` gives the arguments of the process that runs a job; `ended` is called, from some thread, after each end,
    and once there is an answer where the process goes on after it.
    """

    def __init__(
        self,
        table: JobTable,
        folder: Path,
        command: Callable[[str], Sequence[str]],
        clock: Callable[[], datetime],
        ended: Callable[[], None],
    ) -> None:
        self._table = table
        self._folder = folder
        self._command = command
        self._clock = clock
        self._ended = ended
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._stopping = Event()

    def start(self, name: str) -> None:
        """Start the process of a job that was put down; a job that runs or is done is left alone."""
        with self._lock:
            if self._stopping.is_set() or name in self._children:
                return
            with (self._folder / f"{name}.log").open("ab") as log:
                child = subprocess.Popen(  # noqa: S603 - our own command
                    list(self._command(name)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            self._children[name] = child
        self._look_after(self._wait, name, child)

    def cancel(self, name: str) -> None:
        """End a job: whatever it finds from now on is not wanted."""
        self._table.finish(name, _failure("cancelled"), self._clock())
        with self._lock:
            child = self._children.get(name)
        if child is not None:
            _signal_group(child.pid, signal.SIGTERM)
        else:
            end_process_of(self._folder, name, self._stopping.wait)

    def take_up(self) -> None:
        """Look after the jobs that an earlier shell left: wait for those that live, start the others again.

        One that has died TRIES times is given up: it may be what brought the machine down.
        """
        for job in self._table.all():
            if job.done:
                continue
            if self._alive(job.name):
                self._look_after(self._watch, job.name)
            elif job.tries < TRIES:
                self.start(job.name)
            else:
                self._table.finish(job.name, _failure(f"its process died {job.tries} times"), self._clock())

    def stop(self) -> None:
        """End the processes started here; their jobs are taken up again by the next shell."""
        with self._lock:
            self._stopping.set()
            children = tuple(self._children.values())
        for child in children:
            _signal_group(child.pid, signal.SIGTERM)
        for child in children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(child.pid, signal.SIGKILL)
                child.wait()
        for thread in self._threads:
            thread.join()

    def _look_after(self, target: Callable[..., None], name: str, *more: object) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=target, args=(name, *more), name=f"job-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wait(self, name: str, child: subprocess.Popen[bytes]) -> None:
        answered = False
        while (code := _ended(child)) is None:
            # What a job does after its answer, such as pictures, nobody waits for.
            if not answered and not self._stopping.is_set() and self._table.get(name).done:
                answered = True
                self._ended()
        with self._lock:
            self._children.pop(name, None)
        self._conclude(name, f"its process ended with code {code}")

    def _watch(self, name: str) -> None:
        """Wait for a process that is not our child: its lock comes free when it ends."""
        while self._alive(name):
            if self._stopping.wait(WATCH_SECONDS):
                return
        self._conclude(name, "its process is gone")

    def _conclude(self, name: str, otherwise: str) -> None:
        if self._stopping.is_set():
            return
        if not self._table.get(name).done:
            told = f"{otherwise} and left no answer{self._last_words(name)}"
            if self._table.finish(name, _failure(told), self._clock()):
                _log.error("job died", job=name, reason=told)
        self._ended()

    def _last_words(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        return f": {lines[-1][:160]}" if lines else ""

    def _alive(self, name: str) -> bool:
        try:
            with only_process_of(self._folder, name):
                return False
        except AlreadyRunning:
            return True


def _ended(child: subprocess.Popen[bytes]) -> int | None:
    """The code a process ended with; None where it goes on, after a moment."""
    try:
        return child.wait(WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _failure(message: str) -> Mapping[str, str]:
    return {"state": FAILED, "message": message}
