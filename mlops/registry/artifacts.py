"""Artefact folders on this machine: which URI is one, and how one is copied."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlops.errors import Conflict, Invalid, NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator


def local_folder(uri: str) -> Path | None:
    """The path behind a `file:` URI or an absolute path; None for anything that lies elsewhere."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(url2pathname(parts.path))
    return Path(uri) if uri.startswith("/") else None


def files_of(folder: Path) -> tuple[str, ...]:
    """The files below `folder` as relative POSIX paths, sorted.

    Raises NotFound when there is none, Invalid for a link or a special file, which could bring in anything.
    """
    if not folder.is_dir():
        raise NotFound(f"{folder} is not a folder", hint="name the folder that `recipes train` wrote")
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Invalid(f"{path} is not a plain file", hint="an artefact holds plain files only")
        if path.is_file():
            files.append(path.relative_to(folder).as_posix())
    if not files:
        raise NotFound(f"{folder} holds no file", hint="name the folder that `recipes train` wrote")
    return tuple(files)


def copy_folder(source: Path, destination: Path) -> None:
    """Bring the files of `source` into the new folder `destination`; linked where both are on one file system.

    Links because an artefact is about 150 MB and never written again. Raises what `files_of` and `new_folder` do.
    """
    files = files_of(source)
    with new_folder(destination) as partial:
        for name in files:
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source / name, target)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links: the copy says whether anything else is wrong.
        shutil.copy2(source, target)


@contextmanager
def new_folder(destination: Path) -> Iterator[Path]:
    """Give a folder to fill, that becomes `destination` when the block ends well and vanishes when it does not.

    Raises Conflict when `destination` holds something, Permanent when the disk is full or not writable.
    """
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise Conflict(f"{destination} is not an empty folder", hint="name a new one: nothing is written over")
    partial = destination.with_name(f".{destination.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.replace(destination)
    except OSError as error:
        raise Permanent(
            f"{destination} cannot be written: {error.strerror or error}", hint="free disk space, or look at its owner"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
