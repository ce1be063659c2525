"""A real API server for the session, and a namespace for each test."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient

from tests.cluster.apiserver import api_server
from tests.cluster.toolchain import NotBuilt, toolset

NEEDED = {"kube-apiserver", "kube-controller-manager", "kubectl", "kubeadm"}


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    """The API server of TEST_KUBECONFIG, or one started for this session.

    Not KUBECONFIG: nobody's cluster is written to because a shell happens to point at it.
    """
    given = os.environ.get("TEST_KUBECONFIG")
    if given:
        yield Path(given)
        return
    missing = _missing()
    if missing:
        pytest.skip(missing)
    with api_server(tmp_path_factory.mktemp("apiserver") / "bed") as server:
        yield server.kubeconfig


@pytest.fixture(scope="session")
def api(kubeconfig):
    with config.new_client_from_config(str(kubeconfig)) as connection:
        yield connection


@pytest.fixture(scope="session")
def dynamic(api):
    return DynamicClient(api)


@pytest.fixture
def namespace(api):
    core = client.CoreV1Api(api)
    name = f"test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def _missing() -> str | None:
    try:
        missing = NEEDED & set(toolset("kubernetes").missing)
    except NotBuilt as absent:
        return str(absent)
    if missing:
        return f"{', '.join(sorted(missing))} not built: make apiserver"
    return None if shutil.which("etcd") else "etcd is not installed: apt-get install etcd-server"
