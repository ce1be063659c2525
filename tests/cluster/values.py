"""What the chart has to know of a cluster that we made: images by the hash of their sources, and where Prometheus is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.cluster import images

if TYPE_CHECKING:
    from pathlib import Path

FILE = images.ROOT / "build" / "cluster-values.yaml"


def write(prometheus: str, **more: object) -> Path:
    """Write the values file that the README's commands name."""
    values = {"images": {role: images.name_of(role) for role in images.ROLES}, "prometheus": prometheus, **more}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return FILE
