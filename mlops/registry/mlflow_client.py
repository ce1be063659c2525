"""The registry's port over MLflow's library, for a database without a server: the one module that imports mlflow."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.errors import Conflict, Invalid, Permanent, Transient
from mlops.registry.artifacts import copy_folder, local_folder, new_folder
from mlops.registry.backend import MODEL_FOLDER, Run, StoredVersion
from mlops.registry.batches import Point, run_batches
from mlops.registry.faults import mlflow_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mlops.registry.backend import RunRecord, RunStatus

_SQLITE = "sqlite:///"


class DatabaseBackend:
    """Opens the database at `uri`, creating MLflow's tables where there are none (some seconds)."""

    def __init__(self, uri: str, artifact_root: str | None) -> None:
        self._artifact_root = artifact_root or _beside(uri)
        # Read while MLflow is imported. Unless told not to, it reports its use to its makers, and every table that it
        # creates to whoever reads standard error.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        import mlflow  # noqa: PLC0415 - six seconds and 170 MB, for those who open a database only
        import sqlalchemy.exc  # noqa: PLC0415 - comes with mlflow

        self._mlflow = mlflow
        self._database_error = sqlalchemy.exc.SQLAlchemyError
        with self._faults("opening the registry"):
            self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    def create_model(self, model: str) -> None:
        """See the port."""
        try:
            with self._faults("creating the model"):
                self._client.create_registered_model(model)
        except Conflict:
            return  # it exists, which is what was asked for

    def models(self) -> tuple[str, ...]:
        """See the port."""
        with self._faults("listing models"):
            return tuple(str(found.name) for found in _pages(self._client.search_registered_models))

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """See the port."""
        with self._faults("listing versions"):
            found = _pages(self._client.search_model_versions, filter_string=f"name = '{model}'")
            return tuple(sorted(map(_stored, found), key=lambda version: version.number))

    def version(self, model: str, number: int) -> StoredVersion:
        """See the port."""
        with self._faults("reading a version"):
            return _stored(self._client.get_model_version(model, str(number)))

    def create_version(self, model: str, *, source: str, run_id: str, tags: Mapping[str, str]) -> StoredVersion:
        """See the port."""
        with self._faults("creating the version"):
            made = self._client.create_model_version(model, source, run_id, tags=dict(tags), await_creation_for=0)
        return StoredVersion(model=model, number=int(made.version), source=source, run_id=run_id, tags=tags)

    def delete_version(self, model: str, number: int) -> None:
        """See the port."""
        with self._faults("deleting a version"):
            self._client.delete_model_version(model, str(number))

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """See the port."""
        with self._faults("writing a tag"):
            self._client.set_model_version_tag(model, str(number), key, value)

    def aliases(self, model: str) -> Mapping[str, int]:
        """See the port."""
        with self._faults("reading aliases"):
            found = self._client.get_registered_model(model).aliases
        return {str(alias): int(number) for alias, number in found.items()}

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """See the port."""
        with self._faults("moving an alias"):
            self._client.set_registered_model_alias(model, alias, str(number))

    def delete_alias(self, model: str, alias: str) -> None:
        """See the port."""
        with self._faults("removing an alias"):
            self._client.delete_registered_model_alias(model, alias)

    def start_run(self, experiment: str, record: RunRecord, at: datetime) -> Run:
        """See the port."""
        with self._faults("starting a run"):
            made = self._client.create_run(
                self._experiment(experiment),
                start_time=int(at.timestamp() * 1000),
                tags=dict(record.tags),
                run_name=record.name,
            )
            run = Run(run_id=str(made.info.run_id), artifact_uri=str(made.info.artifact_uri))
            for points, params in run_batches(record):
                self._log(run.run_id, points, params, at)
        return run

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], at: datetime) -> None:
        """See the port."""
        with self._faults("adding to a run"):
            self._log(run_id, [Point(key, value) for key, value in metrics.items()], {}, at)

    def _log(self, run_id: str, points: Sequence[Point], params: Mapping[str, str], at: datetime) -> None:
        entities, millis = self._mlflow.entities, int(at.timestamp() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[entities.Metric(point.key, point.value, millis, point.step) for point in points],
            params=[entities.Param(key, value) for key, value in params.items()],
        )

    def _experiment(self, name: str) -> str:
        try:
            with self._faults("creating the experiment"):
                return str(self._client.create_experiment(name, artifact_location=f"{self._artifact_root}/{name}"))
        except Conflict:
            return str(self._client.get_experiment_by_name(name).experiment_id)

    def finish_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        """See the port."""
        with self._faults("finishing the run"):
            self._client.set_terminated(run.run_id, status=status, end_time=int(at.timestamp() * 1000))

    def upload(self, run: Run, folder: Path, place: str = MODEL_FOLDER) -> str:
        """See the port. Places that are not a folder (S3, Azure, …) are MLflow's own business."""
        source = f"{run.artifact_uri}/{place}"
        target = local_folder(source)
        if target is not None:
            copy_folder(folder, target)
        else:
            with self._faults("storing the artefact"):
                self._client.log_artifacts(run.run_id, str(folder), place)
        return source

    def download(self, source: str, destination: Path) -> None:
        """See the port."""
        folder = local_folder(source)
        if folder is not None:
            copy_folder(folder, destination)
            return
        with new_folder(destination) as partial, self._faults("fetching the artefact"):
            self._mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(partial))

    def close(self) -> None:
        """See the port. MLflow keeps one engine per database for the life of the process: nothing to give back."""

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turn what MLflow and its database library raise into faults."""
        try:
            yield
        except self._mlflow.MlflowException as error:
            raise mlflow_fault(str(error.error_code), str(error), doing) from error
        except self._database_error as error:
            # Before MLflow's own sessions begin, the driver's errors come through as they are.
            raise Transient(
                f"{doing}: the database says {error}", hint="is it there, and may it be written?"
            ) from error
        except OSError as error:
            raise Permanent(f"{doing}: {error}", hint="look at the folder's owner and its free space") from error


def _beside(uri: str) -> str:
    """The artefacts' place for a SQLite file: the folder `mlartifacts` next to it."""
    if not uri.startswith(_SQLITE):
        raise Invalid(f"{uri.partition('://')[0]} needs a place for artefacts", hint="give artifact_root")
    return (Path(uri.removeprefix(_SQLITE)).resolve().parent / "mlartifacts").as_uri()


def _pages(search: Any, **query: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(page_token=token, **query)
        yield from page
        if not (token := page.token):
            return


def _stored(found: Any) -> StoredVersion:
    return StoredVersion(
        model=str(found.name),
        number=int(found.version),
        source=str(found.source or ""),
        run_id=str(found.run_id or ""),
        tags=dict(found.tags),
    )
