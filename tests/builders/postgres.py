"""A PostgreSQL of our own, on a socket or on an address of this machine, for as long as a block runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def missing() -> str | None:
    """Say why there can be none here, None where there can."""
    if _program("initdb") is None:
        return "PostgreSQL is not installed"
    if os.getuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


class Postgres:
    """The server; `stop` and `start` let it be away for a while."""

    def __init__(self, folder: Path, address: str = "", port: int = 5432) -> None:
        self._data = folder / "data"
        self._address = address
        self.port = port
        self._folder = folder
        self.url = f"postgresql://postgres@/postgres?host={folder}"

    def init(self) -> None:
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync")
        if self._address:
            with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
                rules.write("host all all samenet trust\n")

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='{self._address}' -p {self.port} -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def _run(self, name: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run(
            [*as_user, str(_program(name)), *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self._folder
        )


@contextmanager
def running_postgres(address: str = "", port: int = 5432) -> Iterator[Postgres]:
    """Yield a fresh server that runs; its folder is short, for a socket's path is."""
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        server = Postgres(folder, address, port)
        server.init()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found is not None:
        return found
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(kept[-1]) if kept else None
