"""The commands of the README by which a first user comes to a canary, to be run as they stand."""

from __future__ import annotations

import re

from tests.cluster.images import ROOT


def commands() -> list[str]:
    """The first block of commands below "In a cluster", a line each."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## In a cluster\n")[2]
    block = re.search(r"```\n(.*?)```", section, flags=re.DOTALL)
    assert block is not None
    return block[1].strip().splitlines()


def command(start: str) -> str:
    """The one that begins so."""
    (found,) = [line for line in commands() if line.startswith(start)]
    return found
