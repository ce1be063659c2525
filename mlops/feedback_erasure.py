"""One user's right to be forgotten: every line about them, in what was shown and in what they made of it.

The services that write there need not stop: they wait for the moment that a file takes to be written anew.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import orjson

from mlops.errors import Permanent
from mlops.feedback_folders import spools_of
from mlops.shown_log import NAME as SHOWN
from mlops.spool_locks import LOADING, WRITING, held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def erase_user(folder: Path, user: str) -> int:
    """Remove every line of `user`, a hash, from the daily files in `folder` and in the folders of services below it.

    Returns how many there were. Answers that carry no user are removed where the user's feedback names them. Each file
    is replaced in one step. Raises Permanent where a file cannot be written.
    """
    try:
        spools = spools_of(folder)
        with ExitStack() as stack:
            # All at once: feedback need not be kept where the answer was.
            for spool in spools:
                stack.enter_context(held(spool, LOADING))
            for each in (*spools, *(spool / SHOWN for spool in spools)):
                if each.is_dir():
                    stack.enter_context(held(each, WRITING))
            feedback = [path for spool in spools for path in sorted(spool.glob("feedback_*.jsonl"))]
            named = {row.get("recommendation_id") for path in feedback for row in _of(path, user)}
            shown = [path for spool in spools for path in sorted((spool / SHOWN).glob(f"{SHOWN}_*.jsonl"))]
            return sum(_without(path, user, named) for path in (*feedback, *shown))
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
