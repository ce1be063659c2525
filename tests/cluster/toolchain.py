"""Programs of a cluster, built from the Go modules in `tools/` and kept outside the tree by version.

`python -m tests.cluster.toolchain kubernetes` builds what is not built yet. Each folder of `tools/` is one go.mod whose
`tool` lines name the commands, because `go install` refuses modules that replace others.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "tools"


class NotBuilt(Exception):  # noqa: N818 - a state, said in words, not a fault of a program
    """A program is not there, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolset:
    """The commands of one Go module at one version. `packages` maps a command's name to its package."""

    name: str
    version: str
    packages: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its programs are kept."""
        return cache_folder() / "tools" / f"{self.name}-{self.version}"

    @property
    def missing(self) -> list[str]:
        """Commands that are not built yet, in the order of need."""
        return [command for command in self.packages if not (self.folder / command).exists()]

    def program(self, command: str) -> Path:
        """Return the path of a built command.

        Raises NotBuilt.
        """
        path = self.folder / command
        if not path.exists():
            raise NotBuilt(f"{command} {self.version} is not built: make cluster-tools")
        return path


def cache_folder() -> Path:
    """Return the folder for what is built or downloaded once and may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "recipe-recommender"


def toolset(name: str) -> Toolset:
    """Read the toolset from its go.mod.

    Raises NotBuilt where Go is not installed.
    """
    if shutil.which("go") is None:
        raise NotBuilt("Go is not installed; 1.26 or newer builds the cluster's programs")
    module = json.loads(_go(name, "mod", "edit", "-json"))
    if not module.get("Tool"):
        # A program of our own, of a few lines; `v1` is to be raised when they change.
        return Toolset(name=name, version="v1", packages={name: "."})
    packages = {_command(tool["Path"]): tool["Path"] for tool in module["Tool"]}
    (version,) = (
        required["Version"]
        for required in module["Require"]
        if any(f"{path}/".startswith(f"{required['Path']}/") for path in packages.values())
    )
    return Toolset(name=name, version=version, packages=packages)


def build(tools: Toolset) -> None:
    """Build what is missing; processes that ask for the same at once wait for each other."""
    if not tools.missing:
        return
    tools.folder.mkdir(parents=True, exist_ok=True)
    with (tools.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in tools.missing:
            started = time.monotonic()
            _say(f"building {command} {tools.version} …")
            _build(tools, command)
            _say(f"built {command} in {time.monotonic() - started:.0f} s")


def module_folder(name: str, module: str) -> Path:
    """Return where the files of a Go module are that the toolset `name` is built from: charts, CRDs."""
    return Path(json.loads(_go(name, "mod", "download", "-json", module))["Dir"])


def _build(tools: Toolset, command: str) -> None:
    # A build that is killed leaves no half-written program behind.
    with tempfile.TemporaryDirectory(dir=tools.folder) as folder:
        binary = Path(folder) / command
        _go(tools.name, "build", "-trimpath", "-buildvcs=false", "-ldflags", _ldflags(tools), "-o", str(binary),
            tools.packages[command])  # fmt: skip
        binary.rename(tools.folder / command)


def _ldflags(tools: Toolset) -> str:
    flags = "-s -w"
    if tools.name == "kubernetes":
        # Without it the server reports v0.0.0, and clients choose their behaviour by that.
        major, minor, _ = tools.version.removeprefix("v").split(".")
        stamps = {"gitVersion": tools.version, "gitMajor": major, "gitMinor": minor}
        flags += "".join(f" -X k8s.io/component-base/version.{key}={value}" for key, value in stamps.items())
    return flags


def _command(package: str) -> str:
    """Return the last step of a package's path that is not a major version."""
    return next(step for step in reversed(package.split("/")) if not step.removeprefix("v").isdigit())


def _go(name: str, *arguments: str) -> str:
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        ["nice", "-n", "5", "go", *arguments], cwd=MODULES / name, env=os.environ | settings, stdout=subprocess.PIPE,
        check=True, text=True,
    )  # fmt: skip
    return done.stdout


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main(names: list[str]) -> int:
    """Build the named toolsets and print their folders."""
    for name in names:
        tools = toolset(name)
        build(tools)
        _say(f"{tools.name} {tools.version}: {tools.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
