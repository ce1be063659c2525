"""`python -m mlops.dashboards FOLDER`: write every dashboard as a file that Grafana takes."""

from __future__ import annotations

import sys
from pathlib import Path

from mlops.dashboards.controller import CONTROLLER
from mlops.dashboards.panels import render
from mlops.dashboards.quality import QUALITY
from mlops.dashboards.rollout import ROLLOUT
from mlops.dashboards.service import SERVICE

DASHBOARDS = {"service": SERVICE, "rollout": ROLLOUT, "quality": QUALITY, "controller": CONTROLLER}


def main(folder: Path) -> None:
    """Write them, each under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(render(page), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
