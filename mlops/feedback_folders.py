"""The folder where services keep feedback: one service's own, or one folder below it for each of many.

Pods come and go, and each leaves a folder. What stands in it is learned from until it is too old; then the folder goes.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from mlops.shown_log import NAME as SHOWN
from mlops.spool_locks import OWNER, take

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

# As long as a service keeps its own files, unless it is told otherwise.
KEEP_DAYS = 365


def spools_of(folder: Path) -> list[Path]:
    """Return `folder` itself and those of services below it."""
    if not folder.is_dir():
        return []
    return [folder, *(each for each in sorted(folder.iterdir()) if each.is_dir() and each.name != SHOWN)]


def tidy(folder: Path, now: datetime, keep_days: int = KEEP_DAYS) -> list[str]:
    """Do what services that are gone would have done: drop files older than `keep_days`, and folders without any.

    Returns the names of the folders that went. A folder is left alone while a service holds it; one that cannot be
    tidied is left for the next time.
    """
    first = f"{now - timedelta(days=keep_days):%Y%m%d}"
    gone = []
    for spool in spools_of(folder)[1:]:
        try:
            if _tidied(spool, first):
                gone.append(spool.name)
        except OSError:
            continue
    return gone


def _tidied(spool: Path, first: str) -> bool:
    """Whether the folder went; `first` is the first day that is kept."""
    if not (spool / OWNER).exists():
        return False  # not of a service
    guard = take(spool, OWNER)
    if guard is None:
        return False
    try:
        files = [*spool.glob("*_*.jsonl"), *spool.glob(f"{SHOWN}/*_*.jsonl")]
        kept = [path for path in files if path.stem.rpartition("_")[2] >= first]
        for path in files:
            if path not in kept:
                path.unlink(missing_ok=True)
        if kept:
            return False
        _remove(spool)
    finally:
        os.close(guard)
    return True


def _remove(spool: Path) -> None:
    """Remove a folder that holds locks at most; raises OSError where anything else is in it."""
    for each in (spool / SHOWN, spool):
        if each.is_dir():
            for lock in each.glob(".*"):
                lock.unlink()
            each.rmdir()
