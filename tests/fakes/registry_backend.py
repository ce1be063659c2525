"""MLflow in memory, with files below a folder; passes the contract suite of the real backends.

`before` is told the verb that is about to run: a test can fail there, or let another writer come in between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops.errors import NotFound, Permanent
from mlops.registry.artifacts import copy_folder, local_folder
from mlops.registry.backend import MODEL_FOLDER, Run, RunRecord, RunStatus, StoredVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

LONGEST_TAG = 100_000


def nothing(verb: str) -> None:
    """Let every verb pass."""


class InMemoryRegistryBackend:
    def __init__(self, root: Path, before: Callable[[str], None] = nothing) -> None:
        self.before = before
        self.runs: dict[str, tuple[RunRecord, RunStatus | None]] = {}
        self._root = root
        self._versions: dict[str, dict[int, StoredVersion]] = {}
        self._aliases: dict[str, dict[str, int]] = {}
        self._numbers: dict[str, int] = {}

    def copy(self) -> InMemoryRegistryBackend:
        """The same contents, from here on independent."""
        twin = InMemoryRegistryBackend(self._root)
        twin.runs = dict(self.runs)
        twin._versions = {model: dict(versions) for model, versions in self._versions.items()}
        twin._aliases = {model: dict(aliases) for model, aliases in self._aliases.items()}
        twin._numbers = dict(self._numbers)
        return twin

    def create_model(self, model: str) -> None:
        self.before("create_model")
        self._versions.setdefault(model, {})
        self._aliases.setdefault(model, {})

    def models(self) -> tuple[str, ...]:
        self.before("models")
        return tuple(self._versions)

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        self.before("versions")
        return tuple(self._versions.get(model, {}).values())

    def version(self, model: str, number: int) -> StoredVersion:
        self.before("version")
        return self._find(model, number)

    def create_version(self, model: str, *, source: str, run_id: str, tags: Mapping[str, str]) -> StoredVersion:
        self.before("create_version")
        if model not in self._versions:
            raise NotFound(f"no model {model}")
        number = self._numbers[model] = self._numbers.get(model, 0) + 1
        made = StoredVersion(model=model, number=number, source=source, run_id=run_id, tags=dict(tags))
        self._versions[model][number] = made
        return made

    def delete_version(self, model: str, number: int) -> None:
        self.before("delete_version")
        self._find(model, number)
        del self._versions[model][number]

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        self.before("set_tag")
        found = self._find(model, number)
        if len(value) > LONGEST_TAG:
            raise Permanent(f"a tag of {len(value)} characters is too long")
        tags = {**found.tags, key: value}
        self._versions[model][number] = StoredVersion(
            model=model, number=number, source=found.source, run_id=found.run_id, tags=tags
        )

    def aliases(self, model: str) -> Mapping[str, int]:
        self.before("aliases")
        if model not in self._aliases:
            raise NotFound(f"no model {model}")
        return dict(self._aliases[model])

    def set_alias(self, model: str, alias: str, number: int) -> None:
        self.before("set_alias")
        self._find(model, number)
        self._aliases[model][alias] = number

    def delete_alias(self, model: str, alias: str) -> None:
        self.before("delete_alias")
        self._aliases[model].pop(alias, None)

    def start_run(self, experiment: str, record: RunRecord, at: datetime) -> Run:
        self.before("start_run")
        run_id = f"run{len(self.runs)}"
        self.runs[run_id] = (record, None)
        return Run(run_id=run_id, artifact_uri=(self._root / experiment / run_id / "artifacts").as_uri())

    def finish_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        self.before("finish_run")
        if run.run_id not in self.runs:
            raise NotFound(f"no run {run.run_id}")
        self.runs[run.run_id] = (self.runs[run.run_id][0], status)

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], at: datetime) -> None:
        self.before("log_metrics")
        if run_id not in self.runs:
            raise NotFound(f"no run {run_id}")
        record, status = self.runs[run_id]
        self.runs[run_id] = (replace(record, metrics={**record.metrics, **metrics}), status)

    def upload(self, run: Run, folder: Path, place: str = MODEL_FOLDER) -> str:
        self.before("upload")
        source = f"{run.artifact_uri}/{place}"
        target = local_folder(source)
        assert target is not None
        copy_folder(folder, target)
        return source

    def download(self, source: str, destination: Path) -> None:
        self.before("download")
        folder = local_folder(source)
        assert folder is not None
        copy_folder(folder, destination)

    def close(self) -> None:
        self.before("close")

    def _find(self, model: str, number: int) -> StoredVersion:
        try:
            return self._versions[model][number]
        except KeyError:
            raise NotFound(f"no version {number} of {model}") from None
