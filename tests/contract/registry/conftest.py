"""The registry over each of its backends; the servers are real, started once per session."""

from __future__ import annotations

import os
import sys
import warnings
from datetime import UTC, datetime
from itertools import count

import pytest

from mlops.model_registry import ModelRegistry
from mlops.registry.mlflow_client import DatabaseBackend
from mlops.registry.mlflow_rest import RestBackend
from mlops.registry.server import RegistryServer, free_port, open_server
from tests.fakes.registry_backend import InMemoryRegistryBackend


def wall_clock():
    return datetime.now(UTC)  # noqa: TID251 - MLflow's own times are of today too


@pytest.fixture(scope="session")
def file_server(tmp_path_factory):
    """What `recipes up` starts: artefacts are folders on this machine."""
    with open_server(tmp_path_factory.mktemp("home"), free_port(), os.environ) as server:
        server.start(lambda _: None)
        yield server


@pytest.fixture(scope="session")
def proxy_server(tmp_path_factory):
    """A server that keeps artefacts to itself and hands them over by HTTP."""
    home, port = tmp_path_factory.mktemp("proxied"), free_port()
    command = [
        *(sys.executable, "-m", "mlops.registry.mlflow_server", "server", "--serve-artifacts"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--artifacts-destination", f"{home}/kept"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    with RegistryServer(command, port, home / "mlflow.log", os.environ) as server:
        server.start(lambda _: None)
        yield server


@pytest.fixture(scope="session")
def database_uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('database') / 'mlflow.db'}"


@pytest.fixture(scope="session")
def open_backend(request, tmp_path_factory):
    """Makes a backend by the name of its kind, once."""
    made = {}

    def build(kind):
        if kind == "memory":
            return InMemoryRegistryBackend(tmp_path_factory.mktemp("memory"))
        if kind == "database":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of MLflow's own imports and tables
                return DatabaseBackend(request.getfixturevalue("database_uri"), None)
        server = request.getfixturevalue("file_server" if kind == "server with files" else "proxy_server")
        return RestBackend(server.url)

    def open_one(kind):
        if kind not in made:
            made[kind] = build(kind)
        return made[kind]

    yield open_one
    for backend in made.values():
        backend.close()


@pytest.fixture(params=["memory", "database", "server with files", "server with proxy"])
def backend(request, open_backend):
    return open_backend(request.param)


@pytest.fixture
def registry(backend):
    return ModelRegistry(backend, wall_clock)


@pytest.fixture(scope="session")
def names():
    numbers = count(1)
    return lambda: f"model-{next(numbers)}"


@pytest.fixture
def model(names):
    """A name that no other test uses: the databases live as long as the session."""
    return names()


@pytest.fixture
def artifact(tmp_path):
    folder = tmp_path / "artifact"
    (folder / "index").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "index" / "vectors ñ.npy").write_bytes(bytes(range(256)) * 9000)
    (folder / "empty").write_bytes(b"")
    return folder
