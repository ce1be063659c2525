"""The model registry: versions, their stages and history, kept in MLflow. Import everything from here.

The registry is one class over a port to MLflow (`mlops.registry.backend`); what it promises under concurrent writers
is told in `mlops.registry.listing` (who is in production) and `mlops.registry.promotion` (how it changes).
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, Self

from mlops.errors import Invalid, NotFound
from mlops.registry.artifacts import local_folder
from mlops.registry.ledger import Ledger
from mlops.registry.listing import as_registered
from mlops.registry.login import Login
from mlops.registry.promotion import demote, promote
from mlops.registry.record import check_model_name, mlflow_names, read_record
from mlops.registry.registration import Registration, register, run_record
from mlops.registry.semantic_version import Bump, next_version, parse_version
from mlops.registry.stages import Stage, check_transition
from mlops.registry.values import CHALLENGER, CHAMPION, Cause, HistoryEvent, RegisteredVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from mlops.registry.backend import RegistryBackend

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Bump",
    "HistoryEvent",
    "ModelRegistry",
    "RegisteredVersion",
    "Stage",
    "next_version",
    "open_registry",
    "parse_version",
]


def short_id() -> str:
    """Eight random hexadecimal digits: enough beside a microsecond."""
    return secrets.token_hex(4)


class ModelRegistry:
    """Registers, moves and finds versions. Safe to share between threads; close it, or use it in `with`.

    Besides what each method names, all raise Transient when MLflow does not answer, Invalid for a bad name, and
    Permanent when MLflow refuses or somebody damaged the tags there.
    """

    def __init__(
        self, backend: RegistryBackend, clock: Callable[[], datetime], ids: Callable[[], str] = short_id
    ) -> None:
        self._backend = backend
        self._ledger = Ledger(backend, clock, ids)

    def register(
        self,
        model: str,
        version: str,
        source_dir: Path,
        *,
        digest: str,
        metadata: Mapping[str, Any],
        metrics: Mapping[str, float],
        params: Mapping[str, Any],
        by: str,
        why: str,
        curves: Mapping[str, Sequence[float]] | None = None,
    ) -> RegisteredVersion:
        """Store the artefact in `source_dir` with a run in MLflow and register it, in stage Training.

        `curves` are metrics step by step, for the run alone.

        Files are linked rather than copied where the file system allows: the artefact must not be written afterwards.
        The same release with the same digest is returned as it is. In MLflow's run `ndcg@10` is called `ndcg_at_10`.
        Raises Conflict when the release is taken by another artefact, NotFound for a folder without files, Invalid for
        a bad version, digest, number or more than 60,000 bytes of metadata, Permanent when the disk is full.
        """
        wanted = Registration(
            model=model,
            version=version,
            folder=source_dir,
            digest=digest,
            metadata=metadata,
            metrics=metrics,
            params=params,
            cause=_cause(by, why),
            curves=curves or {},
        )
        listing, record = register(self._ledger, wanted)
        return listing.read(record)

    def transition(
        self, model: str, version: str, to: Stage, *, by: str, why: str, restore: bool = False
    ) -> RegisteredVersion:
        """Move `version` one legal step; `restore` allows Archived -> Production, as a rollback or a pin.

        Raises NotFound for an unknown version, Conflict for an illegal step (naming the legal ones) and when another
        promotion won the race (naming the winner).
        """
        cause = _cause(by, why)
        check_model_name(model)
        if to is Stage.PRODUCTION:
            listing = promote(self._ledger, model, version, cause, restore=restore)
            return listing.read(listing.find(version))
        listing = self._ledger.listing(model)
        current = listing.read(listing.find(version))
        if current.stage is Stage.PRODUCTION and to is Stage.ARCHIVED:
            listing = demote(self._ledger, model, version, cause)
        else:
            check_transition(current.stage, to, restore=restore)
            self._ledger.move(listing.find(version), current.stage, to, cause)
            self._point_challenger(current, to)
            listing = self._ledger.listing(model)
        return listing.read(listing.find(version))

    def _point_challenger(self, left: RegisteredVersion, to: Stage) -> None:
        """`challenger` is the candidate in Staging; the latest one, when there are several."""
        if to is Stage.STAGING:
            self._backend.set_alias(left.model, CHALLENGER, left.number)
        elif CHALLENGER in left.aliases:
            self._backend.delete_alias(left.model, CHALLENGER)

    def production(self, model: str) -> RegisteredVersion | None:
        """The version in production, or None; raises Permanent when the alias names a version that is not ours."""
        try:
            aliases = self._backend.aliases(check_model_name(model))
        except NotFound:
            return None
        number = aliases.get(CHAMPION)
        if number is None:
            return None
        record = read_record(self._backend.version(model, number))
        if record is None:
            raise Invalid(
                f"alias {CHAMPION} of {model} points at number {number}, which was not registered here",
                hint="point the alias at a version of `recipes models`, or remove it in MLflow",
            )
        return as_registered(record, aliases)

    def get(self, model: str, version: str) -> RegisteredVersion:
        """One version. Raises NotFound, naming the versions there are."""
        listing = self._ledger.listing(check_model_name(model))
        return listing.read(listing.find(version))

    def list_versions(
        self, model: str | None = None, *, stage: Stage | None = None, name_contains: str | None = None
    ) -> tuple[RegisteredVersion, ...]:
        """The versions that pass every filter given: by model's name, and of one model the newest release first."""
        models = sorted(self._backend.models()) if model is None else [check_model_name(model)]
        return tuple(
            version
            for name in models
            if name_contains is None or name_contains.casefold() in name.casefold()
            for version in self._ledger.listing(name).read_all()
            if stage is None or version.stage is stage
        )

    def history(self, model: str, version: str) -> tuple[HistoryEvent, ...]:
        """Every step of a version, oldest first. Raises NotFound for an unknown version."""
        return self._ledger.listing(check_model_name(model)).find(version).events

    def local_path(self, version: RegisteredVersion) -> Path:
        """The artefact's folder, when it is on this machine. Raises NotFound when it is not: then `download` it."""
        folder = local_folder(version.source)
        if folder is None or not folder.is_dir():
            raise NotFound(
                f"the artefact of {version.model} {version.version} is not on this machine: {version.source}",
                hint="download it",
            )
        return folder

    def download(self, version: RegisteredVersion, destination: Path) -> Path:
        """Fetch the artefact into the new folder `destination`, whole or not at all, and return that.

        The loader compares every file with the manifest. Raises Conflict when `destination` holds something, NotFound
        when the files are gone, Permanent when the disk is full.
        """
        self._backend.download(version.source, destination)
        return destination

    def note(self, version: RegisteredVersion, metrics: Mapping[str, float], at: datetime) -> None:
        """Add numbers to the run of a version, such as what users brought about; what is not finite is left out."""
        self._backend.log_metrics(version.run_id, mlflow_names(_finite(metrics), "metrics"), at)

    def log_run(
        self,
        experiment: str,
        name: str,
        *,
        metrics: Mapping[str, float],
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        files: Path | None = None,
    ) -> str:
        """Put a finished run into MLflow, and return its id. Numbers that are not finite are left out.

        `files` is a folder whose files go with it, below its own name.
        """
        record = run_record(name, metrics=_finite(metrics), params=params, tags=tags, curves={})
        run = self._backend.start_run(experiment, record, self._ledger.clock())
        if files is not None:
            self._backend.upload(run, files, files.name)
        self._backend.finish_run(run, "FINISHED", self._ledger.clock())
        return run.run_id

    def close(self) -> None:
        """Give connections back."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {key: float(value) for key, value in metrics.items() if math.isfinite(value)}


def _cause(by: str, why: str) -> Cause:
    if not by.strip() or not why.strip():
        raise Invalid("a history entry needs who and why", hint="name both")
    return Cause(by=by, why=why)


def open_registry(uri: str, clock: Callable[[], datetime], *, artifact_root: str | None = None) -> ModelRegistry:
    """Open the registry at `uri`: an MLflow server (`http://…`) or a database (`sqlite:///…`, `postgresql://…`).

    `artifact_root` is the URI where a database's artefacts go; with SQLite it defaults to `mlartifacts` beside the
    file, and a server decides by itself. A server that asks for a login gets the one in MLflow's own variables,
    `MLFLOW_TRACKING_…`. A database opened this way needs the package mlflow and seconds to import it.
    Raises Invalid for another kind of address.
    """
    scheme = uri.partition("://")[0]
    if scheme in {"http", "https"}:
        from mlops.registry.mlflow_rest import RestBackend  # noqa: PLC0415 - each backend costs only those who use it

        return ModelRegistry(RestBackend(uri, login=Login()), clock)
    if scheme.partition("+")[0] in {"sqlite", "postgresql", "mysql", "mssql"}:
        from mlops.registry.mlflow_client import DatabaseBackend  # noqa: PLC0415 - as above

        return ModelRegistry(DatabaseBackend(uri, artifact_root), clock)
    raise Invalid(
        f"{scheme or uri!r} is not an address of a registry",
        hint="use http://host:port, sqlite:///file or postgresql://…",
    )
