"""The cluster that the suite runs on: our own bed, or one that is given.

`TEST_KUBECONFIG` gives one that has KServe in Standard mode and a Gateway `gateway/recipes`, and whose pods and Services
this machine reaches by their addresses (of kind's, by a route to its node). Beside it:

    TEST_IMAGES    predictor=…,controller=…,jobs=…,actor=…  as the nodes have them (`make images` builds all)
    TEST_GATEWAY   http://ADDRESS of the Gateway
    TEST_HOST      the address at which pods reach this machine: PostgreSQL and Prometheus run here
    TEST_VOLUMES   a folder that this machine and a node have in common
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cluster import gateway, images
from tests.cluster.bed import Bed, default_folder
from tests.cluster.commands import run
from tests.cluster.control_plane import BRIDGE
from tests.cluster.node import NODE
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where it is, and what of this machine it reaches. `own` is the bed, None where the cluster is another's."""

    kubectl: Path
    kubeconfig: Path
    images: dict[str, str]
    gateway: str
    host: str
    node: str
    volumes: Path
    own: Bed | None = None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """The one that is given, or our own, which is stopped again if it did not run before."""
    kubectl = toolset("kubernetes").program("kubectl")
    given = os.environ.get("TEST_KUBECONFIG")
    if given:
        yield _given(kubectl, Path(given))
        return
    if os.geteuid() != 0:
        pytest.skip("a cluster of our own needs root; TEST_KUBECONFIG names another")
    bed = Bed(default_folder())
    ran = bed.running
    bed.start()
    yield Cluster(
        kubectl=kubectl, kubeconfig=bed.kubeconfig,
        images={role: images.name_of(role) for role in (*images.ROLES, images.ACTOR)},
        gateway=f"http://127.0.0.1:{gateway.PORT}", host=BRIDGE, node=NODE, volumes=default_folder() / "volumes",
        own=bed,
    )  # fmt: skip
    if not ran:
        bed.stop()


def _given(kubectl: Path, kubeconfig: Path) -> Cluster:
    missing = [name for name in ("TEST_IMAGES", "TEST_GATEWAY", "TEST_HOST", "TEST_VOLUMES") if name not in os.environ]
    if missing:
        pytest.fail(f"TEST_KUBECONFIG is set, and {', '.join(missing)} not: tests/e2e/cluster.py says what they are")
    nodes = json.loads(run(kubectl, "--kubeconfig", kubeconfig, "get", "nodes", "-o", "json"))["items"]
    return Cluster(
        kubectl=kubectl, kubeconfig=kubeconfig,
        images=dict(pair.split("=", 1) for pair in os.environ["TEST_IMAGES"].split(",")),
        gateway=os.environ["TEST_GATEWAY"], host=os.environ["TEST_HOST"], node=nodes[0]["metadata"]["name"],
        volumes=Path(os.environ["TEST_VOLUMES"]),
    )  # fmt: skip
