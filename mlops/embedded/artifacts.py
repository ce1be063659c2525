"""Where a version's artefact is, and whether it is what it says: the laptop's answer to VerifyArtifact."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog

from controller.observation import ArtifactFact, ArtifactState
from mlops.artifact.manifest import read_manifest, verify
from mlops.embedded.facts import Located
from mlops.errors import Invalid, MlopsError, NotFound, Transient
from mlops.registering import register_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.actions import VerifyArtifact
    from controller.resource.version import Origin, RegistryEntry
    from mlops.embedded.facts import Facts
    from mlops.model_registry import ModelRegistry, RegisteredVersion

_log = structlog.stdlib.get_logger("mlops")


class Artifacts:
    """Finds and verifies artefacts, one at a time, in a thread of its own: hashing a large one takes seconds.

    What is not in the registry yet is registered, so that the champion alias can name it. `downloads` is the folder for
    artefacts that are on another machine; `done` is called after each answer.
    """

    def __init__(
        self,
        model: str,
        facts: Facts,
        registry: Callable[[], ModelRegistry],
        downloads: Path,
        done: Callable[[], None],
    ) -> None:
        self._model = model
        self._facts = facts
        self._registry = registry
        self._downloads = downloads
        self._done = done
        self._asked: set[str] = set()
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")

    def verify(self, action: VerifyArtifact) -> None:
        """Begin, unless this very question is being answered already."""
        with self._lock:
            if action.name in self._asked:
                return
            self._asked.add(action.name)
        self._worker.submit(self._answer, action)

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _answer(self, action: VerifyArtifact) -> None:
        try:
            located = self._located(action)
        except NotFound as error:
            located = _unfit(action, ArtifactState.MISSING, error)
        except (Transient, OSError) as error:
            located = _unfit(action, ArtifactState.ERROR, error)
        except MlopsError as error:
            located = _unfit(action, ArtifactState.DAMAGED, error)
        except Exception as error:  # noqa: BLE001 - a foreign library's; without an answer the version would wait for ever
            _log.exception("artefact not verified", version=action.version)
            located = _unfit(action, ArtifactState.ERROR, Transient(f"{type(error).__name__} while verifying"))
        self._facts.set_located(action.version, located)
        with self._lock:
            self._asked.discard(action.name)
        self._done()

    def _located(self, action: VerifyArtifact) -> Located:
        folder = self._folder(action.version, action.source)
        manifest = read_manifest(folder)
        verify(folder, manifest)
        if (manifest.model, manifest.version) != (self._model, action.version):
            raise Invalid(f"{folder} is {manifest.model} {manifest.version}, not {self._model} {action.version}")
        if action.source.uri is not None:
            why = f"applied from {action.source.uri}"
            registered = register_artifact(self._registry(), folder, manifest, by="recipes apply", why=why)
            folder = self._local(registered)
        fact = ArtifactFact(name=action.name, state=ArtifactState.VERIFIED, digest=manifest.digest)
        return Located(fact=fact, folder=folder)

    def _folder(self, version: str, source: Origin) -> Path:
        if source.uri is not None:
            return _folder_of(source.uri)
        if source.registry is None:
            return self._local(self._registry().get(self._model, version))
        return self._local(self._entry(source.registry, version))

    def _entry(self, entry: RegistryEntry, version: str) -> RegisteredVersion:
        if entry.version is None:
            return self._registry().get(entry.name, version)
        for found in self._registry().list_versions(entry.name):
            if str(found.number) == entry.version:
                return found
        raise NotFound(f"the registry has no version {entry.version} of {entry.name}", hint="recipes models")

    def _local(self, registered: RegisteredVersion) -> Path:
        try:
            return self._registry().local_path(registered)
        except NotFound:
            folder = self._downloads / registered.digest.removeprefix("sha256:")[:16]
            shutil.rmtree(folder, ignore_errors=True)  # from a try that was cut short
            return self._registry().download(registered, folder)


def _folder_of(uri: str) -> Path:
    """The folder that a `file://` URI or a plain path names. Raises Invalid for another scheme, NotFound."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        raise Invalid(f"a laptop reads no {parts.scheme}:// URI; register the artefact, or name a folder")
    folder = Path(unquote(parts.path) if parts.scheme else uri)
    if not folder.is_absolute():
        raise NotFound(f"{uri} is relative, and to which folder nobody here knows; write the whole path")
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    return folder


def _unfit(action: VerifyArtifact, state: ArtifactState, error: MlopsError | OSError) -> Located:
    message = error.message if isinstance(error, MlopsError) else str(error)
    return Located(fact=ArtifactFact(name=action.name, state=state, message=message), folder=None)
