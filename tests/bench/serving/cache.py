"""Where the bench keeps what takes long to make: outside the tree, by keys of what went into it. May be deleted at any time."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.toolchain import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PEERS = Path(__file__).parent / "peers"


def bench_folder() -> Path:
    """The root of it all."""
    return cache_folder() / "bench"


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment, which `make bench-peers` installs from `peers/NAME.txt`."""
    pins = PEERS / f"{name}.txt"
    return bench_folder() / "peers" / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}" / "bin" / "python"


def key_of(*parts: str | bytes) -> str:
    """Twelve hexadecimal digits that differ where any part does."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "big") + raw)
    return total.hexdigest()[:12]


def key_of_texts(texts: Iterable[str]) -> str:
    """As `key_of`, for many."""
    return key_of("\x00".join(texts))


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `folder` only where nothing was raised."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
