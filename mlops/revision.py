"""Which code made something: recorded with every artefact."""

from __future__ import annotations

import subprocess
from pathlib import Path


def code_revision() -> str:
    """The commit this code is at, or `unknown` for an installed package."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - fixed words
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
