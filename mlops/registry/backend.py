"""The port to MLflow: the few verbs the registry needs. Three parts speak it and pass one contract suite.

`mlops.registry.mlflow_client` opens a database, `mlops.registry.mlflow_rest` talks to a server, and
`tests.fakes.registry_backend` keeps everything in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

RunStatus = Literal["FINISHED", "FAILED"]

# Where a run keeps the artefact, below its artifact URI.
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """A model version as MLflow holds it, before its tags are understood."""

    model: str
    number: int
    source: str
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An MLflow run and the place of its artifacts."""

    run_id: str
    artifact_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run says of itself, in names and lengths that MLflow accepts; `curves` are metrics step by step."""

    name: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


class RegistryBackend(Protocol):
    """Safe to call from several threads and processes; each verb is one transaction of MLflow's.

    All verbs raise Transient when MLflow does not answer, NotFound for a missing model, version or run, and Permanent
    for what MLflow refuses.
    """

    def create_model(self, model: str) -> None:
        """Make sure that the registered model exists."""

    def models(self) -> tuple[str, ...]:
        """Name every registered model."""

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """Return all versions of `model` with their tags, by number; none where the model does not exist."""

    def version(self, model: str, number: int) -> StoredVersion:
        """Return one version."""

    def create_version(self, model: str, *, source: str, run_id: str, tags: Mapping[str, str]) -> StoredVersion:
        """Add a version with all its tags at once; MLflow gives the number, ascending, and uses none twice."""

    def delete_version(self, model: str, number: int) -> None:
        """Remove a version."""

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Write one tag of a version; other tags are untouched. Raises Conflict as `set_alias` does."""

    def aliases(self, model: str) -> Mapping[str, int]:
        """Read all aliases of `model` at once; each points at one number."""

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """Point `alias` at a version. Raises Conflict when another writer created the same alias just now."""

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias; a missing one is fine."""

    def start_run(self, experiment: str, record: RunRecord, at: datetime) -> Run:
        """Open a run with its metrics, parameters and tags in `experiment`, which is created if missing."""

    def finish_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        """Close a run."""

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], at: datetime) -> None:
        """Add numbers to a run, open or closed; the same at the same time once more changes nothing."""

    def upload(self, run: Run, folder: Path, place: str = MODEL_FOLDER) -> str:
        """Store the files of `folder` with `run`, below `place`, and return their URI.

        Raises Permanent when there is no room.
        """

    def download(self, source: str, destination: Path) -> None:
        """Fetch what `upload` stored into the new folder `destination`; a failed download leaves nothing."""

    def close(self) -> None:
        """Give connections back."""
