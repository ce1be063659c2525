"""`kubectl recipes` as krew installs it: an archive for each platform, and the manifest with their sha256.

`python -m tests.cluster.krew` writes all to build/krew (`make krew`). An archive brings every package that the plugin
needs, those with compiled parts once for each Python, and takes Python itself from the machine. The same sources and
pins give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.cluster.commands import run, step
from tests.cluster.images import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUT = ROOT / "build" / "krew"
PROGRAM = "kubectl-recipes"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_FILES = Path(__file__).parent / "plugin"
# Where whoever publishes a release puts the archives; `.example` is nobody's.
_RELEASES = "https://recipe-recommender.example/releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A system as krew names it, and as uv does, whose wheels are brought."""

    os: str
    arch: str
    wheels: str

    @property
    def archive(self) -> str:
        """Name of its archive."""
        return f"{PROGRAM}-{self.os}-{self.arch}.tar.gz"


PLATFORMS = (
    Platform(os="linux", arch="amd64", wheels="x86_64-manylinux_2_28"),
    Platform(os="linux", arch="arm64", wheels="aarch64-manylinux_2_28"),
    Platform(os="darwin", arch="amd64", wheels="x86_64-apple-darwin"),
    Platform(os="darwin", arch="arm64", wheels="aarch64-apple-darwin"),
)


def version() -> str:
    """The version of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"v{project['version']}"


def build(out: Path, platforms: Iterable[Platform] = PLATFORMS, pythons: Iterable[str] = PYTHONS) -> Path:
    """Write the archives and the manifest; returns the manifest. Raises CommandFailed where a package cannot be had."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sums = {}
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _wheel(Path(scratch))
        for platform in platforms:
            with step(platform.archive):
                tree = Path(scratch) / f"{platform.os}-{platform.arch}"
                _fill(tree, wheel, platform, pythons)
                sums[platform] = _pack(tree, out / platform.archive)
    found = manifest(version(), os.environ.get("KREW_RELEASES", _RELEASES), sums)
    path = out / "recipes.yaml"
    path.write_text(yaml.safe_dump(found, sort_keys=False, width=110), encoding="utf-8")
    return path


def manifest(number: str, releases: str, sums: Mapping[Platform, str]) -> dict[str, object]:
    """What krew reads: where the archive of each platform is, and what it has to be. Pure."""
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "recipes"},
        "spec": {
            "version": number,
            "homepage": releases.rpartition("/")[0],
            "shortDescription": "Take model versions to production and back",
            "description": "Shows where each ModelVersion of Recipe Recommender is and why, and approves, rejects, aborts, "
            "rolls back, pins and pauses, with the rights of whoever calls.\n",
            "caveats": f"Needs Python {PYTHONS[0]} to {PYTHONS[-1]} on the path; RECIPES_PYTHON names another one.\n",
            "platforms": [
                {
                    "selector": {"matchLabels": {"os": platform.os, "arch": platform.arch}},
                    "uri": f"{releases.rstrip('/')}/{number}/{platform.archive}",
                    "sha256": digest,
                    "bin": PROGRAM,
                    "files": [{"from": "*", "to": "."}],
                }
                for platform, digest in sums.items()
            ],
        },
    }


def _wheel(folder: Path) -> Path:
    # From a copy: setuptools leaves files beside what it builds.
    source = folder / "source"
    for part in ("mlops", "predictor", "controller"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(_uv(), "build", "-q", "--wheel", "--out-dir", folder, source)
    (found,) = folder.glob("*.whl")
    return found


def _fill(tree: Path, wheel: Path, platform: Platform, pythons: Iterable[str]) -> None:
    """Lay out what an archive holds: pure packages in `any`, the others in a folder for each Python."""
    for python in pythons:
        target = tree.parent / f"{tree.name}-{python}"
        run(
            _uv(), "pip", "install", "-q", "--target", target, "--python-version", python,
            "--python-platform", platform.wheels, "--only-binary", ":all:", "-c", ROOT / "constraints.txt",
            f"{wheel}[kubectl]",
        )  # fmt: skip
        for information in sorted(target.glob("*.dist-info")):
            _take(Distribution.at(information), target, tree, f"cp{python.replace('.', '')}")
        shutil.rmtree(target)
    for name in (PROGRAM, "start.py"):
        shutil.copy(_FILES / name, tree)
    shutil.copy(ROOT / "LICENSE", tree)


def _take(found: Distribution, target: Path, tree: Path, compiled: str) -> None:
    pure = "Root-Is-Purelib: true" in (found.read_text("WHEEL") or "")
    into = tree / ("any" if pure else compiled)
    for file in found.files or ():
        # Programs of packages (`bin`) are nobody's here; what uv notes of the installation names this machine.
        if ".." in file.parts or file.parts[0] == "bin" or file.name in ("direct_url.json", "uv_cache.json", "RECORD"):
            continue
        path = into / file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target / file, path)


def _pack(tree: Path, archive: Path) -> str:
    """Pack a folder so that its bytes follow from what is in it; returns the sha256."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(each for each in tree.rglob("*") if each.is_file()):
            entry = tarfile.TarInfo(str(path.relative_to(tree)))
            entry.size, entry.mode = path.stat().st_size, 0o755 if path.name == PROGRAM else 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    archive.write_bytes(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def _uv() -> Path:
    return Path(sys.executable).parent / "uv"


if __name__ == "__main__":
    sys.stdout.write(f"{build(OUT).relative_to(ROOT)}\n")
