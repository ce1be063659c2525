"""The folder where the laptop shell keeps everything, and the facts in it: who answers, what runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mlops.embedded.database import Database
from mlops.embedded.facts import Facts
from mlops.errors import NotFound, Permanent

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.embedded.facts import Answering


class Home:
    """Paths below the home folder. Creating one touches nothing; `prepare` makes the folders."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.corpus = self.root / "corpus.db"
        self.rejects = self.root / "rejects"
        self.feedback = self.root / "feedback"
        self.training = self.root / "training"
        self.vectors = self.root / "vectors"
        self.logs = self.root / "logs"
        self.metrics = self.root / "metrics"
        self.jobs = self.root / "jobs"
        self.downloads = self.root / "artifacts"
        self.retrain_checks = self.root / "retrain_checks.jsonl"
        self.drift = self.root / "drift.json"
        self.state = self.root / "state.db"
        self.lock = self.root / ".lock"
        self._running = self.root / "running.json"

    def prepare(self) -> None:
        """Make the folder; raises Permanent when it cannot be written."""
        try:
            for folder in (self.root, self.training, self.feedback, self.logs, self.metrics, self.jobs, self.downloads):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Permanent(
                f"{self.root} cannot be used: {error.strerror}", hint="name another folder in RECIPES_HOME"
            ) from error

    @property
    def fresh(self) -> bool:
        """True before anything was registered here."""
        return not (self.root / "mlflow.db").exists()

    def production(self) -> Answering:
        """The version that answers most users, also when nothing runs; raises NotFound before the first promotion."""
        if self.state.exists():
            with Database.open(self.state) as database:
                answering = Facts(database).traffic()
            if answering:
                return max(answering, key=lambda share: share.weight)
        raise NotFound(f"{self.root} has no version in production", hint="run `recipes up` (or `make up`) first")

    def running_registry(self) -> str | None:
        """The address of the registry of a `recipes up` that is alive, or None."""
        document = _read(self._running)
        if document is None or not _alive(int(document["pid"])):
            return None
        return str(document["registry"])

    def set_running(self, pid: int, registry: str) -> None:
        """Tell other commands where this process' registry listens."""
        _write(self._running, {"pid": pid, "registry": registry})

    def clear_running(self) -> None:
        """The counterpart of `set_running`."""
        self._running.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Permanent(f"{path} is damaged: {error}", hint=f"remove {path}; it is written anew") from error
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise Permanent(f"{path} cannot be written: {error.strerror}", hint="free disk space") from error


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but alive
    return True
