"""One user's right to be forgotten: every line about them, in what was shown and in what they made of it."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import orjson

from mlops.errors import Conflict, Permanent
from mlops.shown_log import NAME as SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def erase_user(folder: Path, user: str) -> int:
    """Remove every line of `user`, a hash, from the daily files in `folder`; returns how many there were.

    Answers that carry no user are removed where the user's feedback names them. Each file is replaced in one step.
    Raises Conflict while a process writes there, Permanent where a file cannot be written.
    """
    with ExitStack() as stack:
        for each in (folder, folder / SHOWN):
            if each.is_dir():
                stack.enter_context(_alone(each))
        try:
            feedback = sorted(folder.glob("feedback_*.jsonl"))
            named = {row.get("recommendation_id") for path in feedback for row in _of(path, user)}
            files = [*feedback, *sorted((folder / SHOWN).glob(f"{SHOWN}_*.jsonl"))]
            return sum(_without(path, user, named) for path in files)
        except OSError as error:
            raise Permanent(
                f"{folder} cannot be rewritten: {error.strerror}", hint="free disk space, then erase again"
            ) from error


def _of(path: Path, user: str) -> Iterator[dict[str, object]]:
    for line in path.read_bytes().splitlines():
        row = _parsed(line)
        if row.get("user") == user:
            yield row


def _without(path: Path, user: str, named: set[object]) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _is_of(_parsed(line), user, named)]
    if len(kept) < len(lines):
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(kept)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    return len(lines) - len(kept)


def _is_of(row: dict[str, object], user: str, named: set[object]) -> bool:
    if row.get("user") == user:
        return True
    # An answer asked for without a user's name, on which the user then reported under theirs.
    return row.get("user") is None and "shown" in row and row.get("recommendation_id") in named


def _parsed(line: bytes) -> dict[str, object]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return row if isinstance(row, dict) else {}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock that a writer of `folder` holds."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(
            f"a running service writes to {folder}", hint="stop it (Ctrl-C in `recipes up`), erase, start it again"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
