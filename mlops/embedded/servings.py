"""The versions that this process could answer from: loaded beside the traffic, warm before any user sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from controller.observation import ServingFact, ServingState
from mlops.artifact.manifest import MLFLOW_NOTE, read_manifest, verify
from mlops.errors import MlopsError, Permanent, Transient
from mlops.recommendation import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops.recommendation import ServedModel

# Whatever is made at the first question is made before anybody asks.
_WARMING = ("chicken soup", "sopa de pollo")

_log = structlog.stdlib.get_logger("mlops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One version's serving: the model once it is loaded, else why it is not."""

    folder: Path
    digest: str
    revision: str
    model: ServedModel | None = None
    fault: MlopsError | None = None
    marks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def state(self) -> ServingState:
        """A fault that will not go away is a refusal; of another the decision core loses patience by itself."""
        if self.model is not None:
            return ServingState.READY
        refused = self.fault is not None and not isinstance(self.fault, Transient)
        return ServingState.REFUSED if refused else ServingState.PENDING

    @property
    def fact(self) -> ServingFact:
        """What the decision core is told of it."""
        if self.model is not None:
            message = f"answers from {self.model.recipes} recipes"
        else:
            message = self.fault.message if self.fault is not None else "its artefact is being loaded"
        digest = self.model.digest if self.model is not None else None
        return ServingFact(
            state=self.state, answers=self.model is not None, digest=digest, revision=self.revision, message=message
        )


class Servings:
    """Loads and drops versions, one at a time, in a thread of its own. Safe to ask from any thread.

    `load` opens the artefact in a folder and verifies it against a digest; `changed` is called after each change.
    """

    def __init__(self, load: Callable[[Path, str], ServedModel], changed: Callable[[], None]) -> None:
        self._load = load
        self._changed = changed
        self._servings: dict[str, Serving] = {}
        self._lock = Lock()
        self._loader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")

    def facts(self) -> dict[str, ServingFact]:
        """Every serving as the decision core sees it, by version."""
        with self._lock:
            return {version: serving.fact for version, serving in self._servings.items()}

    def ensure(self, version: str, folder: Path, digest: str, revision: str) -> None:
        """Begin to load a version, unless it is loaded or being loaded from these bytes."""
        with self._lock:
            known = self._servings.get(version)
            if known is not None and known.digest == digest and known.state is not ServingState.REFUSED:
                self._servings[version] = replace(known, revision=revision)
                return
            self._servings[version] = Serving(folder=folder, digest=digest, revision=revision)
        self._loader.submit(self._open, version)

    def open_now(self, version: str, folder: Path, digest: str, revision: str) -> ServedModel:
        """Load a version before going on, as a start does. Raises what loading raises."""
        with self._lock:
            self._servings[version] = Serving(folder=folder, digest=digest, revision=revision)
        self._open(version)
        with self._lock:
            fault = self._servings[version].fault
        if fault is not None:
            raise fault
        return self.model(version)

    def model(self, version: str) -> ServedModel:
        """The loaded model of a version. Raises Transient while there is none."""
        with self._lock:
            serving = self._servings.get(version)
        if serving is None or serving.model is None:
            raise Transient(f"{version} is not loaded", hint="it is served once it is")
        return serving.model

    def folder(self, version: str) -> Path:
        """Where a version that is served was loaded from. Raises KeyError for one that is not."""
        with self._lock:
            return self._servings[version].folder

    def look_again(self) -> None:
        """Load again what failed for a reason that may be gone, and verify anew what was changed on the disk.

        A loaded model reads its files by memory mapping: bytes that change under it change its answers.
        """
        with self._lock:
            servings = dict(self._servings)
        for version, serving in servings.items():
            if isinstance(serving.fault, Transient):
                self._loader.submit(self._open, version)
            elif serving.model is not None and serving.marks != _marks(serving.folder):
                self._loader.submit(self._audit, version)

    def drop(self, version: str) -> None:
        """Forget a version; requests under way hold on to it until they are answered."""
        with self._lock:
            self._servings.pop(version, None)

    def close(self) -> None:
        """Begin no further loading, and wait for the one that is under way."""
        self._loader.shutdown(wait=True, cancel_futures=True)

    def _open(self, version: str) -> None:
        with self._lock:
            serving = self._servings.get(version)
        if serving is None:
            return  # dropped before its turn came
        marks = _marks(serving.folder)
        try:
            model = self._load(serving.folder, serving.digest)
            for question in _WARMING:
                _warm(model, question)
        except MlopsError as error:
            self._settle(version, serving, replace(serving, model=None, fault=error))
            _log.error("version not loaded", version=version, reason=error.message)
        except Exception as error:  # noqa: BLE001 - a foreign library's; the thread must go on for the other versions
            self._settle(
                version, serving, replace(serving, model=None, fault=Transient(f"{type(error).__name__} while loading"))
            )
            _log.exception("version not loaded", version=version)
        else:
            self._settle(version, serving, replace(serving, model=model, fault=None, marks=marks))
            _log.info("version loaded", version=version, digest=model.digest, recipes=model.recipes)

    def _audit(self, version: str) -> None:
        """Verify the files of a loaded version anew; it goes on answering unless they are not what they were."""
        with self._lock:
            serving = self._servings.get(version)
        if serving is None or serving.model is None:
            return
        _log.warning("the files of a version were changed; verifying them", version=version)
        marks = _marks(serving.folder)
        try:
            verify(serving.folder, read_manifest(serving.folder), serving.digest)
        except (MlopsError, OSError) as error:
            fault = error if isinstance(error, MlopsError) else Permanent(str(error))
            _log.error("version refused", version=version, reason=fault.message)
            self._settle(version, serving, replace(serving, model=None, fault=fault))
        else:
            self._settle(version, serving, replace(serving, marks=marks))

    def _settle(self, version: str, before: Serving, after: Serving) -> None:
        """Note what a loading came to, unless the version was dropped or other bytes were asked for meanwhile."""
        with self._lock:
            now = self._servings.get(version)
            if now is None or now.digest != before.digest:
                return
            self._servings[version] = replace(after, revision=now.revision)
        self._changed()


def _marks(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """What shows that a file was changed, without reading it: its place, size and time, by path."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # removed at this moment
            stat = path.stat()
            if path.is_file() and path.name != MLFLOW_NOTE:
                found[str(path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _warm(model: ServedModel, question: str) -> None:
    """Ask once. A model that fails here may still be right for other questions: its gates will tell."""
    try:
        model.recommender.recommend(Ask(text=question))
    except Exception as error:  # noqa: BLE001 - whatever a model raises
        _log.warning("a version fails while it is warmed", version=model.version, error=type(error).__name__)
