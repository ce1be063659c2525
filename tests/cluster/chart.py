"""The chart, rendered: `python -m tests.cluster.chart > manifests/install.yaml` writes what people without helm apply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.cluster.commands import run
from tests.cluster.images import ROOT
from tests.cluster.toolchain import toolset

if TYPE_CHECKING:
    from pathlib import Path

CHART = ROOT / "charts" / "recipe-recommender"
INSTALL = ROOT / "manifests" / "install.yaml"
_KUBERNETES = "1.36.0"  # what `helm template` claims to speak to
_NAMESPACE = "recipe-recommender"
_HEAD = f"""# The chart with its defaults, for those without helm; `make install-manifest` renders it anew.
#   kubectl create namespace {_NAMESPACE}
#   kubectl apply --server-side --namespace {_NAMESPACE} --filename manifests/install.yaml
# Other settings: helm template rr charts/recipe-recommender --namespace {_NAMESPACE} --no-hooks --set …
"""


def helm() -> Path:
    """The program. Raises NotBuilt."""
    return toolset("helm").program("helm")


def settings(values: dict[str, str]) -> list[str]:
    """Values as helm's arguments."""
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def rendered(namespace: str, values: dict[str, str], *more: str) -> str:
    """The chart's manifests as release `rr`. Raises CommandFailed with what helm says."""
    return run(helm(), "template", "rr", CHART, "--namespace", namespace, "--kube-version", _KUBERNETES,
               *settings(values), *more)  # fmt: skip


def install_manifest() -> str:
    """What `manifests/install.yaml` holds."""
    return _HEAD + rendered(_NAMESPACE, {}, "--no-hooks")


if __name__ == "__main__":
    sys.stdout.write(install_manifest())
