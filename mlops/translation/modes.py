"""Which programs a translation direction of Apertium is made of: its mode file, read without a shell."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterable

SEARCH_PATH = (
    Path("/usr/share/apertium/modes"),
    Path("/usr/local/share/apertium/modes"),
    Path("/opt/apertium/share/apertium/modes"),
)
HINT = (
    "install it: apt install apertium apertium-eng-spa; or name the folder of its mode files as the translator's target"
)

# What `apertium` itself puts into a mode file: mark unknown words, and no option for the tagger.
_PARAMETERS = {"$1": ("-g",), "$2": ()}
_SHELL = frozenset("<>&;`$()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One direction: the command of each stage, and a fingerprint of the mode and of the linguistic data it names."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    fingerprint: str


def find_mode(name: str, folder: Path | None = None) -> Mode:
    """Read `name` (such as `spa-eng`) from `folder`, or from the first of SEARCH_PATH that has it.

    Raises Permanent with what to install where the mode, a program or a data file is missing.
    """
    folders = SEARCH_PATH if folder is None else (folder,)
    for candidate in folders:
        path = candidate / f"{name}.mode"
        if path.is_file():
            return _read(path)
    raise Permanent(f"Apertium's mode {name} is in none of {', '.join(map(str, folders))}", hint=HINT)


def _read(path: Path) -> Mode:
    text = path.read_text(encoding="utf-8")
    commands = tuple(_command(path, stage) for stage in text.strip().split("|"))
    return Mode(name=path.stem, commands=commands, fingerprint=_fingerprint(text, commands))


def _command(path: Path, stage: str) -> tuple[str, ...]:
    try:
        words = shlex.split(stage)
    except ValueError as error:
        raise Permanent(f"{path}: a stage cannot be read: {error}", hint=HINT) from error
    arguments = [argument for word in words for argument in _PARAMETERS.get(word, (word,))]
    if not arguments or any(_SHELL & set(argument) for argument in arguments):
        raise Permanent(f"{path}: {stage.strip()!r} is not one program and its arguments", hint=HINT)
    program = shutil.which(arguments[0])
    if program is None:
        raise Permanent(f"{path} needs the program {arguments[0]}, which is not on the PATH", hint=HINT)
    missing = [argument for argument in arguments[1:] if argument.startswith("/") and not Path(argument).is_file()]
    if missing:
        raise Permanent(f"{path} needs {missing[0]}, which does not exist", hint=HINT)
    return (program, "-z", *arguments[1:])


def _fingerprint(text: str, commands: Iterable[tuple[str, ...]]) -> str:
    digest = hashlib.sha256(text.encode())
    for command in commands:
        for argument in command[2:]:
            if argument.startswith("/"):
                digest.update(Path(argument).read_bytes())
    return digest.hexdigest()[:12]
