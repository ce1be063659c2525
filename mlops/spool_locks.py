"""Who may touch the files of a spool: one process for its life, and others for a moment.

The kernel gives a lock back however its holder ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Held while lines are appended, or a file is replaced by one with fewer.
WRITING = ".writing"
# Held while what stands in the files is taken elsewhere: what is erased meanwhile must not come back from there.
LOADING = ".loading"
# Held by the process that writes the folder, for as long as it runs.
OWNER = ".lock"


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Wait for a lock of `folder` and hold it."""
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take(folder: Path, name: str) -> int | None:
    """Take a lock of `folder` for good, a descriptor; None where another process holds it."""
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
