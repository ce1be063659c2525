"""Somebody who installs the product by the README's commands, and types no others to begin with."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.images import ROOT
from tests.cluster.toolchain import toolset
from tests.e2e import readme
from tests.e2e.kube import Kube
from tests.e2e.life import CRDS, release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster

HOST = "recipes.example"


class FirstUser:
    """Types the README's commands, and others, in the namespace `recipes`; `helm` is the folder of the program."""

    def __init__(self, kube: Kube, gateway: str, image: str, helm: Path) -> None:
        self.kube = kube
        self.gateway = gateway
        self.predictor_image = image
        folders = (helm, toolset("kubernetes").folder, Path(sys.executable).parent)
        self._environment = os.environ | {
            "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
            "KUBECONFIG": str(kube.kubeconfig), "COLUMNS": "200",
        }  # fmt: skip

    def types(self, line: str) -> str:
        """Run a line by a shell at the project's root, and return what it printed."""
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=900, check=False, cwd=ROOT,
                              env=self._environment)  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def installs(self, *more: str) -> str:
        return self.types(" ".join((readme.command("helm upgrade --install"), *more)))

    def recipes(self, *words: str) -> str:
        return self.types(shlex.join(("kubectl", "recipes", *words, "-n", self.kube.namespace)))

    def status(self) -> dict[str, Any]:
        return json.loads(self.recipes("status", "--json"))

    def pods(self) -> dict[str, str]:
        """Those that serve, by uid."""
        selector = "mlops.recipe-recommender.io/purpose=serving"
        return {each["metadata"]["uid"]: each["metadata"]["name"] for each in self.kube.list("pods", selector)}


@contextmanager
def first_user(bed: Cluster, helm: Path) -> Iterator[FirstUser]:
    if bed.own is None:
        pytest.skip("the README's first two commands make a cluster of our own")
    kube = Kube(bed, "recipes")
    kube("delete", "crd", "--ignore-not-found", *CRDS)  # kept by an uninstall before
    kube.open()
    user = FirstUser(kube, bed.gateway, bed.images["predictor"], helm)
    try:
        yield user
    finally:
        user.types("helm uninstall rr --namespace recipes --ignore-not-found --wait")
        release(kube)
        kube("delete", "namespace", "recipes", "--wait=true", "--timeout=120s")
        bed.own.offer_volumes()
