"""`kubectl recipes` by krew, from the archive and the manifest of `make krew`, without a network: `make krew-test`."""

from __future__ import annotations

import os
import platform
import shutil
import sys

import pytest
import yaml

from controller.cluster.api import KubeApi
from tests.builders.stored_cluster import store
from tests.cluster import krew
from tests.cluster.commands import CommandFailed, run
from tests.cluster.controller_process import make_kinds
from tests.cluster.toolchain import NotBuilt, toolset
from tests.toyworld.toy_world import ToyWorld

pytestmark = [pytest.mark.contract, pytest.mark.timeout(240)]

API = "mlops.recipe-recommender.io/v1alpha1"
HERE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
PYTHON = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(scope="module")
def program():
    try:
        return toolset("krew").program("krew")
    except NotBuilt:
        pytest.skip("krew is not built: make krew-test")


@pytest.fixture(scope="module")
def packed(program, tmp_path_factory):
    """The manifest for this machine and its Python alone: the others differ in nothing but their wheels."""
    (this,) = [each for each in krew.PLATFORMS if (each.os, each.arch) == ("linux", HERE)]
    manifest = krew.build(tmp_path_factory.mktemp("packed"), [this], [PYTHON])
    return manifest, manifest.parent / this.archive


@pytest.fixture
def machine(program, tmp_path):
    """A person's machine: kubectl, a Python and krew's folder on the path."""
    kubectl = toolset("kubernetes").program("kubectl").parent
    path = f"{tmp_path / 'krew' / 'bin'}:{kubectl}:{os.environ['PATH']}"
    environment = {"KREW_ROOT": str(tmp_path / "krew"), "KREW_NO_UPGRADE_CHECK": "1", "PATH": path}
    return lambda *command, **more: run(*command, folder=tmp_path, environment=environment | more)


def test_it_is_installed_offline_and_speaks_to_a_cluster(
    program, packed, machine, kubeconfig, api, namespace, tmp_path
):
    manifest, archive = packed
    make_kinds(kubeconfig)
    world = ToyWorld()
    world.apply({"apiVersion": API, "kind": "ModelVersion", "spec": {"model": "recipes", "version": "1.0.0"}})
    world.advance(60)
    store(world, KubeApi(namespace, api))

    machine(program, "install", f"--manifest={manifest}", f"--archive={archive}")
    receipt = yaml.safe_load((tmp_path / "krew" / "receipts" / "recipes.yaml").read_text())
    assert receipt["spec"]["version"] == krew.version()
    assert "Usage: kubectl recipes" in machine("kubectl", "recipes", "--help")
    told = machine("kubectl", "recipes", "status", "--namespace", namespace, KUBECONFIG=str(kubeconfig))
    assert "1.0.0" in told
    assert "Production" in told
    with pytest.raises(CommandFailed, match=r"exit 3\b"):
        machine("kubectl", "recipes", "explain", "9.9.9", "--namespace", namespace, KUBECONFIG=str(kubeconfig))


def test_what_is_on_the_machine_is_not_loaded_instead(program, packed, machine, tmp_path):
    manifest, archive = packed
    (tmp_path / "mlops").mkdir()
    (tmp_path / "mlops" / "__init__.py").write_text("raise SystemExit('somebody else')")
    machine(program, "install", f"--manifest={manifest}", f"--archive={archive}")
    assert "Usage: kubectl recipes" in machine("kubectl", "recipes", "--help", PYTHONPATH=str(tmp_path))


def test_a_machine_without_a_python_is_told_which_it_takes(program, packed, machine, tmp_path):
    manifest, archive = packed
    machine(program, "install", f"--manifest={manifest}", f"--archive={archive}")
    bare = tmp_path / "bare"
    bare.mkdir()
    for each in ("sh", "readlink", "dirname", "sed"):
        (bare / each).symlink_to(shutil.which(each))
    with pytest.raises(CommandFailed, match=rf"exit 6\nkubectl recipes needs Python {PYTHON}"):
        machine(tmp_path / "krew" / "bin" / "kubectl-recipes", "--help", PATH=str(bare))


def test_an_archive_that_is_another_is_refused(program, packed, machine, tmp_path):
    manifest, archive = packed
    other = tmp_path / archive.name
    other.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(CommandFailed, match="checksum does not match"):
        machine(program, "install", f"--manifest={manifest}", f"--archive={other}")


def test_the_manifest_names_each_platform_once(packed):
    found = yaml.safe_load(packed[0].read_text())["spec"]
    assert found["version"] == krew.version()
    whole = krew.manifest("v1.2.3", "https://r.example/releases/", dict.fromkeys(krew.PLATFORMS, "0" * 64))
    said = [(each["selector"]["matchLabels"]["os"], each["uri"]) for each in whole["spec"]["platforms"]]
    assert said[0] == ("linux", "https://r.example/releases/v1.2.3/kubectl-recipes-linux-amd64.tar.gz")
    assert len({uri for _, uri in said}) == len(krew.PLATFORMS)
