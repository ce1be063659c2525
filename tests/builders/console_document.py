"""A document whose commands are run: what it says is typed and printed, and a shell that types it.

    ```console               each `$ ` is typed; the lines below it are printed in this order, others may stand between
    ```console about         the same, and any number in place of a number
    ```console about slow    left out where time is short
    ```yaml title="a.yaml"   a file of that name, as a reader would save it

`…` in a line stands for any text. A command ends with 0, but where the next one is `echo $?`.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="(?P<name>[^"]+)"')
_ANY_NUMBER = r"\d+(?:[.,]\d+)?"
# Versions (1.1.0), addresses and names that end in a number (recipes-1-1-0) are no measurements.
_NUMBER = re.compile(rf"(?<!\d)(?<!\d[.,])(?<!\w-){_ANY_NUMBER}(?![.,]?\d)")
_ASKS_FOR_THE_CODE = "echo $?"


@dataclass(frozen=True, slots=True)
class File:
    """What a reader saves under `name`."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    """One line that is typed. `about`: numbers of `printed` may be others."""

    typed: str
    printed: tuple[str, ...]
    line: int
    about: bool = False
    slow: bool = False
    may_fail: bool = False


def steps_of(document: str) -> Sequence[File | Command]:
    """The files and commands of a document, in its order; lines count from 1. Raises ValueError on a console block
    that types nothing."""
    found: list[File | Command] = []
    for fence in _FENCE.finditer(document):
        line = document.count("\n", 0, fence.start()) + 1
        kind, *marks = fence["info"].split()
        if title := _TITLE.search(fence["info"]):
            found.append(File(title["name"], fence["body"], line))
        elif kind == "console":
            found += _commands(fence["body"], line, frozenset(marks))
    return found


def missing(command: Command, output: str) -> str | None:
    """The first line that a document promises and an output has not, after those before it; None: all are there."""
    rest = iter([_plain(line) for line in output.splitlines()])
    for promised in command.printed:
        pattern = _pattern(_plain(promised), about=command.about)
        if not any(pattern.fullmatch(line) for line in rest):
            return promised
    return None


class Shell:
    """A bash in `folder` that is typed at. Raises TimeoutError where a command takes longer than `seconds`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], seconds: float = 180) -> None:
        self._seconds = seconds
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=dict(environment), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self, typed: str) -> tuple[int, str]:
        """Type one command; return its exit code and what it printed, on either stream."""
        end = f"--- {time.monotonic_ns()}"
        self._bash.stdin.write(f"{typed}\n__code=$?; echo; echo '{end}' $__code; (exit $__code)\n")
        self._bash.stdin.flush()
        deadline = time.monotonic() + self._seconds
        printed: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{typed!r} took longer than {self._seconds:g} s: {''.join(printed)}") from None
            if line.startswith(end):
                return int(line.split()[-1]), "".join(printed)
            printed.append(line)

    def close(self) -> None:
        """End the shell and what it left running."""
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        self._bash.stdin.close()

    def _listen(self) -> None:
        with self._bash.stdout as stream:
            for line in stream:
                self._lines.put(line)


def _commands(body: str, first: int, marks: frozenset[str]) -> Sequence[Command]:
    if not body.startswith("$ "):
        raise ValueError(f"line {first}: a console block begins with a command")
    typed: list[tuple[int, str, list[str]]] = []
    for offset, line in enumerate(body.splitlines(), start=1):
        if line.startswith("$ "):
            typed.append((first + offset, line[2:], []))
        elif line.strip():
            typed[-1][2].append(line)
    after = [command for _, command, _ in typed[1:]] + [""]
    return [
        Command(command, tuple(printed), line, "about" in marks, "slow" in marks, next_one == _ASKS_FOR_THE_CODE)
        for (line, command, printed), next_one in zip(typed, after, strict=True)
    ]


def _plain(line: str) -> str:
    return " ".join(line.split())


def _pattern(line: str, *, about: bool) -> re.Pattern[str]:
    return re.compile(".*".join(_piece(piece, about=about) for piece in line.split("…")))


def _piece(text: str, *, about: bool) -> str:
    return _ANY_NUMBER.join(map(re.escape, _NUMBER.split(text))) if about else re.escape(text)
