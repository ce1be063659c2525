"""Programs that are run to their end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


class CommandFailed(Exception):  # noqa: N818 - a state, said in words
    """A program ended with a fault; the message holds what it said."""


def run(
    *command: str | Path,
    text: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 600.0,
) -> str:
    """Run a program with `text` as its input and return what it printed.

    Raises CommandFailed where it ends with a fault, or not within `seconds`.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=text, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True,
            check=False, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{' '.join(words)}: not done after {seconds:g} s") from late
    except FileNotFoundError as absent:
        raise CommandFailed(f"{words[0]} is not installed") from absent
    if done.returncode:
        raise CommandFailed(f"{' '.join(words)}: exit {done.returncode}\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = 60.0) -> None:
    """Wait until `holds`. Raises CommandFailed, saying what did not come, after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise CommandFailed(f"{what}: not so after {seconds:g} s")
        time.sleep(0.2)


def wait_established(kubectl: Sequence[str | Path], crd: str) -> None:
    """Wait until the API serves the kind of `crd`.

    `kubectl wait` does not: it ends at once where no condition stands there yet.
    """
    question = (*kubectl, "get", "crd", crd, "--output=jsonpath={.status.conditions[?(@.type=='Established')].status}")
    wait_until(lambda: run(*question) == "True", f"{crd} is served")


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextmanager
def step(name: str) -> Iterator[None]:
    """Tell what is being done, and how long it took."""
    started = time.monotonic()
    say(f"{name} …")
    yield
    say(f"{name}: {time.monotonic() - started:.0f} s")
