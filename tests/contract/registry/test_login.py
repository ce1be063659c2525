"""An MLflow that asks who we are: MLflow's own basic-auth application, and a proxy that wants a token."""

from __future__ import annotations

import os
import sys
import warnings

import httpx
import pytest

from mlops.errors import Permanent
from mlops.model_registry import open_registry
from mlops.registry.login import Login
from mlops.registry.mlflow_rest import RestBackend
from mlops.registry.server import RegistryServer, free_port
from tests.contract.registry.conftest import wall_clock

pytestmark = pytest.mark.contract
PASSWORD = "a long password 123"  # noqa: S105 - of this test's server
DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home, port = tmp_path_factory.mktemp("login"), free_port()
    config = home / "auth.ini"
    config.write_text(
        f"[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{home}/auth.db\n"
        f"admin_username = recipes\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    command = [
        *(sys.executable, "-m", "mlops.registry.mlflow_server", "server", "--app-name", "basic-auth"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--serve-artifacts"),
        *("--artifacts-destination", f"{home}/kept", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    environment = os.environ | {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "x" * 32}
    with warnings.catch_warnings(), RegistryServer(command, port, home / "mlflow.log", environment) as server:
        server.start(lambda _: None)
        yield server


def test_with_the_login_in_mlflows_own_variables_everything_works(server, artifact, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "recipes")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    with open_registry(server.url, wall_clock) as registry:
        made = registry.register("soups", "1.0.0", artifact, digest=DIGEST, metadata={}, metrics={}, params={},
                                 by="a test", why="a login")  # fmt: skip
        folder = registry.download(made, tmp_path / "back")
    assert sorted(path.name for path in folder.rglob("*")) == sorted(path.name for path in artifact.rglob("*"))


@pytest.mark.parametrize("password", [None, "wrong"], ids=["without a login", "with a wrong one"])
def test_who_is_not_let_in_is_told_what_to_set(server, password, monkeypatch):
    if password:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "recipes")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    with open_registry(server.url, wall_clock) as registry, pytest.raises(Permanent) as refused:
        registry.list_versions("soups")
    assert "does not let us in: 401" in refused.value.message
    assert "MLFLOW_TRACKING_PASSWORD" in refused.value.hint


def test_a_token_goes_before_a_name():
    seen = []

    def answer(request):
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={})

    login = Login(username="ana", password="x", token="t0ken")  # noqa: S106 - nobody's
    backend = RestBackend("http://mlflow.example", httpx.MockTransport(answer), login)
    backend.models()
    backend.close()
    assert seen == ["Bearer t0ken"]
    assert "t0ken" not in repr(login)
