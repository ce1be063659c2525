"""What the kernel keeps of processes that ended: mounts and control groups."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.cluster.commands import CommandFailed, run

_HIERARCHIES = Path("/sys/fs/cgroup")


def unmount_below(folder: Path) -> None:
    """Unmount what is mounted in `folder`, the last first."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for line in reversed(lines):
        mounted = line.split(" ")[1]
        if mounted.startswith(f"{folder}/"):
            with suppress(CommandFailed):
                run("umount", "--lazy", mounted)


def remove_cgroups(name: str) -> None:
    """Remove the control groups of this name, at the top of version 2 or of each hierarchy of version 1.

    Raises OSError where a process is left in one.
    """
    for top in (_HIERARCHIES, *_HIERARCHIES.iterdir()):
        _remove(top / name)


def _remove(group: Path) -> None:
    if group.is_dir():
        for below in group.iterdir():
            if below.is_dir():
                _remove(below)
        group.rmdir()
