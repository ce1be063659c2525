"""The running stages of one direction, joined by pipes: frames in, frames out, any number in flight.

Not safe for several threads; `mlops.translation.apertium` holds the lock. The stages end by themselves when this
process dies, however it dies, because their input ends with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.translation.stream import frame, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CHUNK = 1 << 16
_STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The answers that came, for the first texts in their order, and what stopped the rest ("" for nothing)."""

    answers: tuple[bytes, ...]
    fault: str = ""


class Pipeline:
    """Starts the stages at once; an OSError means that one could not be started."""

    def __init__(self, commands: Sequence[Sequence[str]], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._owner = os.getpid()
        self._processes = _start(commands)
        self._input = self._processes[0].stdin
        self._output = self._processes[-1].stdout
        self._sent = 0
        self._finalizer = weakref.finalize(self, _stop, self._processes, self._owner)
        for stream in (self._input, self._output):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)

    @property
    def usable(self) -> bool:
        """False after `close`, after a fault, and in a process forked off from the one that started it."""
        return self._finalizer.alive and os.getpid() == self._owner

    @property
    def pids(self) -> tuple[int, ...]:
        """The stages' process ids."""
        return tuple(process.pid for process in self._processes)

    def exchange(self, texts: Sequence[str], until: float) -> Exchange:
        """Send every text and collect the answers until the clock says `until`; any fault closes the pipeline."""
        first = self._sent
        self._sent += len(texts)
        outgoing = b"".join(frame(text, number) for number, text in enumerate(texts, start=first))
        received, fault = self._transfer(outgoing, len(texts), until)
        answers = []
        for number, answer in enumerate(received, start=first):
            if number_of(answer) != number:
                fault = fault or f"answer {number_of(answer)} came in place of {number}"
                break
            answers.append(answer)
        if fault:
            self.close()
        return Exchange(answers=tuple(answers), fault=fault)

    def close(self) -> None:
        """Stop every stage and wait for it; a second call does nothing."""
        self._finalizer()

    def _transfer(self, outgoing: bytes, expected: int, until: float) -> tuple[list[bytes], str]:
        """Write and read at once: with either alone, full pipes would stop all stages for ever."""
        assert self._input is not None  # noqa: S101 - both were asked for as pipes
        assert self._output is not None  # noqa: S101
        unsent = memoryview(outgoing)
        incoming = bytearray()
        missing = expected
        with selectors.DefaultSelector() as selector:
            selector.register(self._input, selectors.EVENT_WRITE)
            selector.register(self._output, selectors.EVENT_READ)
            while missing > 0:
                ready = selector.select(max(until - self._clock(), 0))
                if not ready:
                    return _frames(incoming), f"no answer in time to {missing} of {expected} lines"
                for key, _ in ready:
                    if key.fileobj is self._output:
                        chunk = os.read(self._output.fileno(), _CHUNK)
                        if not chunk:
                            return _frames(incoming), self._obituary()
                        incoming += chunk
                        missing -= chunk.count(0)
                    else:
                        try:
                            unsent = unsent[os.write(self._input.fileno(), unsent[:_CHUNK]) :]
                        except BrokenPipeError:
                            return _frames(incoming), self._obituary()
                        if not unsent:
                            selector.unregister(self._input)
        return _frames(incoming), ""

    def _obituary(self) -> str:
        """Which stage ended first: those before it die of SIGPIPE, those after it end in good order."""
        codes = {}
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                codes[process.wait(_STOP_SECONDS / len(self._processes))] = str(process.args[0])  # type: ignore[index]
        for code in sorted(codes, key=lambda code: (code in (0, -signal.SIGPIPE), code)):
            return f"{codes[code].rpartition('/')[2]} ended with code {code}"
        return "a stage closed its output"


def _start(commands: Sequence[Sequence[str]]) -> tuple[subprocess.Popen[bytes], ...]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    processes: list[subprocess.Popen[bytes]] = []
    source: int | None = subprocess.PIPE
    try:
        for command in commands:
            process = subprocess.Popen(  # noqa: S603 - the words of a mode file, no shell
                command,
                bufsize=0,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                # A group of its own: Ctrl-C is for us to hear, while requests are still being answered.
                process_group=0,
            )
            if processes and (inner := processes[-1].stdout) is not None:
                inner.close()
            processes.append(process)
            source = process.stdout.fileno() if process.stdout is not None else None
    except OSError:
        _stop(tuple(processes), os.getpid())
        raise
    return tuple(processes)


def _stop(processes: Sequence[subprocess.Popen[bytes]], owner: int) -> None:
    if os.getpid() != owner:
        return
    for process in processes:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # flushing to a dead stage; nothing is owed to it
                    stream.close()
        process.kill()
    for process in processes:
        process.wait()


def _frames(incoming: bytearray) -> list[bytes]:
    return [bytes(answer) for answer in incoming.split(b"\0")[:-1]]
