"""Artefact folders that lie behind an MLflow server: `mlflow-artifacts:/1/<run>/artifacts`, moved by HTTP in streams.

The server runs with `--serve-artifacts` then, and keeps the files wherever it likes (a disk, S3).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from mlops.errors import Permanent
from mlops.registry.artifacts import files_of, new_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import httpx

SCHEME = "mlflow-artifacts"
_ENDPOINT = "/api/2.0/mlflow-artifacts/artifacts"
_CHUNK = 1 << 20
_DEEPEST = 20


class Sends(Protocol):
    """Sends one request and turns every failure into a fault; the answer's body is still to be read."""

    def __call__(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, content: Iterator[bytes] | None = None
    ) -> AbstractContextManager[httpx.Response]:
        """Send it."""


def path_on_server(uri: str) -> str | None:
    """The path that the server's endpoint takes for `uri`; None when it is not a proxied one."""
    parts = urlsplit(uri)
    return parts.path.strip("/") if parts.scheme == SCHEME else None


def upload(send: Sends, folder: Path, path: str) -> None:
    """Send every file of `folder` to below `path`."""
    for name in files_of(folder):
        with send("PUT", f"{_ENDPOINT}/{quote(f'{path}/{name}')}", content=_chunks(folder / name)):
            pass


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def download(send: Sends, path: str, destination: Path) -> None:
    """Fetch everything below `path` into the new folder `destination`. Raises Permanent where there is nothing."""
    with new_folder(destination) as partial:
        names = list(_names(send, path, ""))
        if not names:
            raise Permanent(f"the MLflow server holds no file below {path}", hint="register the version again")
        for name in names:
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with send("GET", f"{_ENDPOINT}/{quote(f'{path}/{name}')}") as response, target.open("wb") as stream:
                for chunk in response.iter_bytes(_CHUNK):
                    stream.write(chunk)


def _names(send: Sends, path: str, below: str, depth: int = 0) -> Iterator[str]:
    """Walk the folder `below`; the server names the entries of one folder at a time."""
    with send("GET", _ENDPOINT, params={"path": f"{path}/{below}".rstrip("/")}) as response:
        response.read()
        entries = response.json().get("files", [])
    for entry in entries:
        name = str(PurePosixPath(below) / _plain(str(entry["path"])))
        if not entry.get("is_dir"):
            yield name
        elif depth < _DEEPEST:
            yield from _names(send, path, name, depth + 1)


def _plain(name: str) -> str:
    """One segment of a path: a server that answers anything else would write outside of the folder."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise Permanent(f"the MLflow server names a file {name!r}", hint="look at this version's artefact in MLflow")
    return name
