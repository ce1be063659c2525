"""`python -m tests.bench.serving.environments`: an environment for each peer, outside the tree, kept by its pins.

`peers/NAME.in` says what a peer is, `peers/NAME.txt` every version of it: what they want of numpy, FastAPI and the like
does not fit together, and naive's torch is the large one with CUDA, 4 GB on the disk.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from mlops.cli.console import say
from tests.bench.serving.cache import PEERS, peer_python

NAMES = ("naive", "mlserver", "litserve", "bentoml")


def install(name: str) -> None:
    """Make the environment of `name` where it is not complete."""
    folder = peer_python(name).parents[1]
    done = folder / ".installed"
    if done.is_file():
        return
    say(f"installing the environment of {name} …")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "install", "-q", "-p", peer_python(name), "-r", PEERS / f"{name}.in", "-c", PEERS / f"{name}.txt"],
        check=True,
    )
    done.touch()


def main() -> int:
    """Install what is missing."""
    for name in NAMES:
        install(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
