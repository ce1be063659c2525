"""The product's images, built from the Dockerfile on a base made of Debian's packages, named by what is in them.

`python -m tests.cluster.images` builds them and prints their sizes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.kernel.build import LIBRARY
from tests.cluster.commands import CommandFailed, run, say, step
from tests.cluster.leftovers import remove_cgroups, unmount_below
from tests.cluster.processes import NotReady, ProcessFolder
from tests.cluster.toolchain import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROLES = ("predictor", "controller", "jobs")
# Versions that do as a test tells; on the controller's image, which it is built anew with.
ACTOR = "actor"
_ACTOR_SOURCES = ROOT / "tests" / "e2e" / "realworld" / "image"
# What is in the context of the build: .dockerignore lets the same through.
_SHARED = ("Dockerfile", ".dockerignore", "constraints.txt", "pyproject.toml", "LICENSE", "mlops")
_PARTS = {
    "predictor": ("predictor",), "controller": ("controller",), "jobs": ("predictor", "controller"),
    ACTOR: ("controller", "tests/e2e/realworld/image"),
}  # fmt: skip
# Bytes of an image unpacked: what a node has to hold.
LIMITS = {"predictor": 700_000_000, "controller": 350_000_000}
_BASE = "recipe-recommender/base:bookworm-2"
_BUILD_BASE = "recipe-recommender/build-base:bookworm-2"
_PACKAGES = "python3,ca-certificates"
# As the usual slim images leave out.
_UNREAD = ("usr/share/doc", "usr/share/locale", "usr/share/man")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_SOCKET = Path("/run/recipes-cluster/docker.sock")
_CGROUP = "recipes-images"
_MOST_LAYERS = 120  # of some 40 in a build; a build's packages take 2.5 GB
_START_SECONDS = 60.0


class ImageTooLarge(Exception):  # noqa: N818 - a state, said in words
    """An image takes more than its limit; the message holds both."""


def name_of(role: str) -> str:
    """Return the image's name for the sources as they are: the same sources, the same name."""
    digest = hashlib.sha256()
    for part in (*_SHARED, *_PARTS[role]):
        for path in _files(ROOT / part):
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"recipe-recommender/{role}:{digest.hexdigest()[:12]}"


def build(names: dict[str, str], folder: Path) -> dict[str, int]:
    """Build the images of `names` (role to name) and return their sizes in bytes; only within `docker`.

    Raises CommandFailed, and ImageTooLarge.
    """
    _make_bases(folder)
    sizes = {}
    for role, name in names.items():
        with step(f"building {name}"):
            _build(role, name)
        sizes[role] = int(run("docker", "image", "inspect", "--format", "{{.Size}}", name, environment=_docker()))
        say(f"{name} takes {sizes[role] / 1e6:.0f} MB")
        if sizes[role] > LIMITS.get(role, sizes[role]):
            raise ImageTooLarge(f"the image {role} takes {sizes[role] / 1e6:.0f} MB > {LIMITS[role] / 1e6:.0f} MB")
    return sizes


def _build(role: str, name: str) -> None:
    if role == ACTOR:
        controller = name_of("controller")
        _build("controller", controller)  # from layers that are there, where it is not itself
        arguments, target, context = {"CONTROLLER": controller}, [], _ACTOR_SOURCES
    else:
        arguments, target, context = {"BASE": _BASE, "BUILD_BASE": _BUILD_BASE}, ["--target", role], ROOT
    given = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    run("docker", "build", "--network=host", *given, *target, "--tag", name, context,
        environment=_docker(), seconds=1800)  # fmt: skip


def make_of_one_program(name: str, program: Path) -> None:
    """Make an image that holds a static program and nothing else; only within `docker`."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        run("tar", "--create", "--directory", program.parent, "--file", archive.name, program.name)
        run(
            "docker", "import", "--change", f'ENTRYPOINT ["/{program.name}"]', archive.name, name, environment=_docker()
        )


def forget_old(names: set[str]) -> None:
    """Remove images of ours that are not among `names`, and all layers for the next build once they fill the disk.

    Only within `docker`, and never in a Docker that is not our own.
    """
    if _external():
        return
    listed = run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", environment=_docker()).split()
    old = [
        each for each in listed if each.startswith("recipe-recommender/") and each not in {*names, _BASE, _BUILD_BASE}
    ]
    if old:
        run("docker", "image", "rm", *old, environment=_docker())
    layers = run("docker", "image", "ls", "--all", "--quiet", environment=_docker()).split()
    if len(layers) > _MOST_LAYERS:
        run("docker", "image", "prune", "--force", environment=_docker())


def save(names: list[str], archive: Path) -> None:
    """Write images to a file; only within `docker`."""
    run("docker", "save", "--output", archive, *names, environment=_docker())


@contextmanager
def docker(folder: Path) -> Iterator[None]:
    """A Docker daemon for as long as the block runs: the one that is there, or one of our own. Raises NotReady."""
    if _external():
        yield
        return
    processes = ProcessFolder(folder / "processes")
    processes.stop()
    _SOCKET.parent.mkdir(parents=True, exist_ok=True)
    process = processes.start("dockerd", [
        "dockerd", "--data-root", folder / "docker", "--exec-root", _SOCKET.parent / "docker",
        "--pidfile", _SOCKET.parent / "docker.pid", "--host", f"unix://{_SOCKET}", "--iptables=false", "--bridge=none",
        f"--cgroup-parent=/{_CGROUP}",
    ])  # fmt: skip
    try:
        processes.wait(process, _answers, seconds=_START_SECONDS)
        yield
    finally:
        processes.stop()
        unmount_below(_SOCKET.parent / "docker")
        remove_cgroups(_CGROUP)


def _make_bases(folder: Path) -> None:
    present = run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", environment=_docker()).split()
    if _BASE in present and _BUILD_BASE in present:
        return
    with step("making the base image of Debian's packages"), tempfile.TemporaryDirectory(dir=folder) as scratch:
        root, archive = Path(scratch) / "root", Path(scratch) / "base.tar"
        run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", root, seconds=900)
        for leftover in ("var/cache/apt/archives/partial", "var/lib/apt/lists", "var/log", *_UNREAD):
            shutil.rmtree(root / leftover)
            (root / leftover).mkdir()
        run("tar", "--create", "--numeric-owner", "--directory", root, "--file", archive, ".")
        run("docker", "import", "--change", "ENV LANG=C.UTF-8", archive, _BASE, environment=_docker())
        # With the authorities that this machine trusts, so that a registry behind a proxy is reached; no image has them.
        context = Path(scratch) / "build-base"
        context.mkdir()
        shutil.copy(_AUTHORITIES, context)
        (context / "Dockerfile").write_text(
            f"FROM {_BASE}\nRUN apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv\nCOPY {_AUTHORITIES.name} {_AUTHORITIES}\nENV SSL_CERT_FILE={_AUTHORITIES} "
            f"PIP_CERT={_AUTHORITIES}\n",
            encoding="utf-8",
        )
        run("docker", "build", "--network=host", "--tag", _BUILD_BASE, context, environment=_docker())


def _files(part: Path) -> list[Path]:
    if part.is_file():
        return [part]
    unshipped = {"__pycache__", LIBRARY.name}
    return sorted(path for path in part.rglob("*") if path.is_file() and not unshipped & set(path.parts))


def _external() -> bool:
    return bool(os.environ.get("DOCKER_HOST"))


def _docker() -> dict[str, str]:
    return {} if _external() else {"DOCKER_HOST": f"unix://{_SOCKET}"}


def _answers() -> bool:
    try:
        run("docker", "version", environment=_docker())
    except CommandFailed:
        return False
    return True


def main() -> int:
    """Build all images and print their names and sizes."""
    names = {role: name_of(role) for role in (*ROLES, ACTOR)}
    folder = cache_folder() / "cluster" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with docker(folder):
            sizes = build(names, folder)
    except (CommandFailed, NotReady, ImageTooLarge) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    for role, size in sizes.items():
        sys.stdout.write(f"{names[role]}  {size / 1e6:.0f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
