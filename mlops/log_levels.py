"""Levels of loggers in a process that runs: `python -m mlops.log_levels PID mlops=DEBUG`, or SIGUSR1 for all of ours.

The words go by a file in the folder for temporary files that both see, readable by its owner alone, and a signal says
that it is there. A pod needs no port for that, and who may use it is who may `exec` into the pod.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from mlops.logging_config import LOGGERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.logging_config import LogConfig

_SIGNAL = signal.SIGUSR1
_USAGE = "python -m mlops.log_levels PID [LOGGER=LEVEL ...]: these levels, and for other loggers their own"


class NotAsked(Exception):  # noqa: N818 - a state, said in words
    """Why a process was not told of levels."""


def listen(config: LogConfig) -> None:
    """Set levels at each signal: as the file says, or without one ours to DEBUG, and back.

    Only from the main thread.
    """
    log, ours = structlog.stdlib.get_logger("app"), {**dict.fromkeys(LOGGERS, config.level), **config.levels}
    changed: dict[str, str] = {}

    def change(_number: int, _frame: object) -> None:
        try:
            asked = _taken(_file(os.getpid()))
        except (OSError, ValueError) as fault:
            log.warning("levels of loggers stay as they are", reason=str(fault))
            return
        if asked is None:
            asked = {} if changed else dict.fromkeys(LOGGERS, "DEBUG")
        for name in changed:
            logging.getLogger(name).setLevel(ours.get(name, "NOTSET"))
        changed.clear()
        changed.update(asked)
        for name, level in changed.items():
            logging.getLogger(name).setLevel(level)
        log.warning(
            "loggers have other levels" if changed else "loggers have their own levels again", levels=dict(changed)
        )

    signal.signal(_SIGNAL, change)


def tell(pid: int, levels: Mapping[str, str]) -> None:
    """Have the process `pid` log at `levels`, at its own where none is given. Raises NotAsked."""
    if not _listens(pid):
        raise NotAsked(f"{pid} is no process of ours that runs and listens")
    file = _file(pid)
    partial = file.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        json.dump(dict(levels), stream)
    partial.replace(file)
    try:
        os.kill(pid, _SIGNAL)
    except OSError as refused:
        file.unlink(missing_ok=True)
        raise NotAsked(f"{pid}: {refused.strerror}") from refused


def parsed(words: Sequence[str]) -> dict[str, str]:
    """`LOGGER=LEVEL` each. Raises ValueError."""
    pairs = dict(word.partition("=")[::2] for word in words)
    return _checked({name: level.upper() for name, level in pairs.items()})


def _file(pid: int) -> Path:
    return Path(tempfile.gettempdir()) / f"recipe-recommender-{pid}.levels"


def _taken(file: Path) -> dict[str, str] | None:
    """What the file says, which is gone then; None without one. Raises OSError, ValueError."""
    try:
        # No link of somebody's to another file, and nobody's file but our own.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as stream:
            if os.fstat(stream.fileno()).st_uid != os.geteuid():
                raise PermissionError(f"{file} is another's")
            said = stream.read()
    except FileNotFoundError:
        return None
    with suppress(FileNotFoundError):
        file.unlink()
    return _checked(json.loads(said))


def _checked(levels: object) -> dict[str, str]:
    known = logging.getLevelNamesMapping()
    if not isinstance(levels, dict):
        raise ValueError(f"{levels!r} is no mapping of loggers to levels")  # noqa: TRY004 - what a file says, no fault of ours
    for name, level in levels.items():
        if not name or level not in known:
            raise ValueError(f"{name}={level}: a level is one of {', '.join(known)}")
    return levels


def _listens(pid: int) -> bool:
    """Whether the process catches the signal, which ends one that does not; where /proc does not say, that it runs."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return not Path("/proc/self").exists() and pid > 0
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (_SIGNAL - 1) & 1)


def main(words: Sequence[str]) -> int:
    """Tell a process; 2 where that was not possible."""
    try:
        tell(int(words[0]), parsed(words[1:]))
    except (IndexError, ValueError, NotAsked) as fault:
        sys.stderr.write(f"{fault}\n{_USAGE}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
