"""The registry's port over an MLflow server's REST API, by httpx: importing mlflow costs 170 MB and six seconds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from mlops.errors import Conflict, Invalid, NotFound, Permanent, Transient
from mlops.registry import proxied_artifacts
from mlops.registry.artifacts import copy_folder, local_folder
from mlops.registry.backend import MODEL_FOLDER, Run, StoredVersion
from mlops.registry.batches import Point, run_batches
from mlops.registry.faults import mlflow_fault
from mlops.registry.login import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops.errors import MlopsError
    from mlops.registry.backend import RunRecord, RunStatus

_API = "/api/2.0/mlflow"
_PAGE = 1000
_SERVER_ERROR = 500
_LEVELS = 3
_LAST_PORT = 65535


class RestBackend:
    """Speaks to the server at `uri`; all threads share its connections. `transport` stands in for the network."""

    def __init__(self, uri: str, transport: httpx.BaseTransport | None = None, login: Login | None = None) -> None:
        address, login = _address(uri), login or Login(username=None, password=None, token=None)
        self._http = httpx.Client(
            base_url=address,
            transport=transport,
            auth=login.basic(),
            headers=login.headers(),
            # An upload is answered when the file is stored; a machine that is gone should be noticed soon.
            timeout=httpx.Timeout(60, connect=5),
            # Shorter than the server's own five seconds, or a request could meet a connection that it just closed.
            limits=httpx.Limits(keepalive_expiry=2),
        )
        # Messages name the server by host and port: the address may hold a password.
        self._name = address.netloc.decode()

    def create_model(self, model: str) -> None:
        """See the port."""
        try:
            self._call("POST", "registered-models/create", {"name": model})
        except Conflict:
            return  # it exists, which is what was asked for

    def models(self) -> tuple[str, ...]:
        """See the port."""
        pages = self._pages("registered-models/search", {}, "registered_models")
        return tuple(str(found["name"]) for found in pages)

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """See the port."""
        pages = self._pages("model-versions/search", {"filter": f"name = '{model}'"}, "model_versions")
        return tuple(sorted(map(_stored, pages), key=lambda version: version.number))

    def version(self, model: str, number: int) -> StoredVersion:
        """See the port."""
        query = {"name": model, "version": str(number)}
        return _stored(self._call("GET", "model-versions/get", query)["model_version"])

    def create_version(self, model: str, *, source: str, run_id: str, tags: Mapping[str, str]) -> StoredVersion:
        """See the port."""
        body = {"name": model, "source": source, "run_id": run_id, "tags": _pairs(tags)}
        return _stored(self._call("POST", "model-versions/create", body)["model_version"])

    def delete_version(self, model: str, number: int) -> None:
        """See the port."""
        self._call("DELETE", "model-versions/delete", {"name": model, "version": str(number)})

    def set_tag(self, model: str, number: int, key: str, value: str) -> None:
        """See the port."""
        body = {"name": model, "version": str(number), "key": key, "value": value}
        self._call("POST", "model-versions/set-tag", body)

    def aliases(self, model: str) -> Mapping[str, int]:
        """See the port."""
        found = self._call("GET", "registered-models/get", {"name": model})["registered_model"]
        return {str(each["alias"]): int(each["version"]) for each in found.get("aliases", [])}

    def set_alias(self, model: str, alias: str, number: int) -> None:
        """See the port."""
        body = {"name": model, "alias": alias, "version": str(number)}
        self._call("POST", "registered-models/alias", body)

    def delete_alias(self, model: str, alias: str) -> None:
        """See the port."""
        self._call("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def start_run(self, experiment: str, record: RunRecord, at: datetime) -> Run:
        """See the port."""
        body = {
            "experiment_id": self._experiment(experiment),
            "run_name": record.name,
            "start_time": _millis(at),
            "tags": _pairs(record.tags),
        }
        info = self._call("POST", "runs/create", body)["run"]["info"]
        run = Run(run_id=str(info["run_id"]), artifact_uri=str(info["artifact_uri"]))
        for points, params in run_batches(record):
            self._log(run.run_id, points, params, at)
        return run

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], at: datetime) -> None:
        """See the port."""
        self._log(run_id, [Point(key, value) for key, value in metrics.items()], {}, at)

    def _log(self, run_id: str, points: Sequence[Point], params: Mapping[str, str], at: datetime) -> None:
        numbers = [{**point._asdict(), "timestamp": _millis(at)} for point in points]
        self._call("POST", "runs/log-batch", {"run_id": run_id, "metrics": numbers, "params": _pairs(params)})

    def _experiment(self, name: str) -> str:
        try:
            return str(self._call("POST", "experiments/create", {"name": name})["experiment_id"])
        except Conflict:
            found = self._call("GET", "experiments/get-by-name", {"experiment_name": name})["experiment"]
            return str(found["experiment_id"])

    def finish_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        """See the port."""
        self._call("POST", "runs/update", {"run_id": run.run_id, "status": status, "end_time": _millis(at)})

    def upload(self, run: Run, folder: Path, place: str = MODEL_FOLDER) -> str:
        """See the port. Goes through the server, or to the disk when server and files are on this machine."""
        source = f"{run.artifact_uri}/{place}"
        if (path := proxied_artifacts.path_on_server(source)) is not None:
            proxied_artifacts.upload(self._send, folder, path)
        else:
            copy_folder(folder, self._shared_folder(source))
        return source

    def _shared_folder(self, source: str) -> Path:
        """The folder behind `source`, when server and caller share it."""
        folder = local_folder(source)
        # <root>/<experiment>/<run>/artifacts/model. A root that is not here is the server's own: making it would put
        # the files where nobody finds them, also behind a forwarded port of 127.0.0.1.
        if folder is not None and len(folder.parents) > _LEVELS and folder.parents[_LEVELS].is_dir():
            return folder
        raise Permanent(
            f"the MLflow server at {self._name} keeps artefacts in {source}, out of reach from here",
            hint="start it with --serve-artifacts, or make that folder if the server runs on this machine",
        )

    def download(self, source: str, destination: Path) -> None:
        """See the port."""
        if (path := proxied_artifacts.path_on_server(source)) is not None:
            proxied_artifacts.download(self._send, path, destination)
            return
        folder = local_folder(source)
        if folder is None or not folder.is_dir():
            raise NotFound(f"{source} is out of reach from here", hint="run MLflow with --serve-artifacts")
        copy_folder(folder, destination)

    def close(self) -> None:
        """See the port."""
        self._http.close()

    def _pages(self, endpoint: str, query: Mapping[str, str], field: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self._call("GET", endpoint, {**query, "max_results": str(_PAGE), "page_token": token})
            yield from page.get(field, [])
            if not (token := page.get("next_page_token", "")):
                return

    def _call(self, method: str, endpoint: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send `values` as the query of a GET, else as JSON; returns MLflow's answer."""
        sent = {"params": values} if method == "GET" else {"json": values}
        with self._send(method, f"{_API}/{endpoint}", **sent) as response:
            response.read()
            try:
                answer: dict[str, Any] = response.json()
            except ValueError as error:
                raise self._stranger(response) from error
        return answer

    @contextmanager
    def _send(self, method: str, path: str, **sent: Any) -> Iterator[httpx.Response]:
        """Send a request; raises the fault for anything but success, also one while the body is read."""
        try:
            with self._http.stream(method, path, **sent) as response:
                if not response.is_success:
                    response.read()
                    raise self._fault(response, f"{method} {urlsplit(path).path}")
                yield response
        except httpx.HTTPError as error:
            raise Transient(
                f"the MLflow server at {self._name} does not answer: {error or type(error).__name__}",
                hint="is it running, and is this its address?",
            ) from error

    def _fault(self, response: httpx.Response, doing: str) -> MlopsError:
        try:
            answer = response.json()
            return mlflow_fault(answer["error_code"], str(answer.get("message", "")), doing)
        except (ValueError, KeyError, TypeError):
            if response.status_code >= _SERVER_ERROR or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                return Transient(f"{doing}: {self._name} answers {response.status_code}", hint="try again later")
            return self._stranger(response)

    def _stranger(self, response: httpx.Response) -> Permanent:
        if "Invalid Host header" in response.text:
            return Permanent(
                f"the MLflow server at {self._name} refuses this host name", hint="start it with --allowed-hosts"
            )
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return Permanent(
                f"the MLflow server at {self._name} does not let us in: {response.status_code}",
                hint="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            )
        return Permanent(
            f"{self._name} answers {response.status_code}, but not as MLflow does: {response.text[:100]!r}",
            hint="is this the address of an MLflow server?",
        )


def _address(uri: str) -> httpx.URL:
    try:
        address = httpx.URL(uri)
    except httpx.InvalidURL as error:
        raise Invalid(f"{uri!r} is not a web address: {error}", hint="write http://host:port") from error
    if not address.host or (address.port or 0) > _LAST_PORT:
        raise Invalid(f"{uri!r} is not a web address", hint="write http://host:port")
    return address


def _stored(found: Mapping[str, Any]) -> StoredVersion:
    return StoredVersion(
        model=str(found["name"]),
        number=int(found["version"]),
        source=str(found.get("source", "")),
        run_id=str(found.get("run_id", "")),
        tags={str(tag["key"]): str(tag.get("value", "")) for tag in found.get("tags", [])},
    )


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
