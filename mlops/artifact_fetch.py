"""`python -m mlops.artifact_fetch --into DIR`: bring an artefact here and verify it, as an init container does.

From the registry, or from a folder such as a mounted volume. What is there already and has the digest is kept: a pod
whose container restarts fetches nothing twice.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlops.artifact.manifest import read_manifest, verify
from mlops.errors import Conflict, Invalid, MlopsError, NotFound, Transient
from mlops.logging_config import LogConfig, configure_logging
from mlops.model_registry import open_registry
from mlops.registry.artifacts import copy_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops.artifact.manifest import Manifest
    from mlops.model_registry import ModelRegistry

_USAGE = 2
_LATER = 5
_NEVER = 6

_log = structlog.stdlib.get_logger("mlops")


class Settings(BaseSettings):
    """Bring a version's artefact into a folder, whole and verified or not at all."""

    model_config = SettingsConfigDict(
        env_prefix="FETCH_", frozen=True, cli_prog_name="python -m mlops.artifact_fetch", cli_kebab_case=True
    )

    into: Path = Field(description="Folder for the artefact; the one above it must exist.")
    model: str = Field("recipes", description="Name of the model.")
    version: str = Field(description="Semantic version.")
    digest: str | None = Field(None, description="Refuse an artefact with another digest than this.")
    registry: str | None = Field(None, description="Address of the MLflow server; needed without source.")
    source: str | None = Field(None, description="Folder that holds the artefact, as a path or a file:// URI.")


def fetch(settings: Settings, registry: Callable[[str], ModelRegistry]) -> Manifest:
    """Bring the artefact to `settings.into` and return its manifest.

    Raises NotFound, Invalid or Conflict for an artefact that is not there, is damaged or is another one; Transient
    where the registry does not answer.
    """
    if (present := _present(settings)) is not None:
        return present
    shutil.rmtree(settings.into, ignore_errors=True)  # from a try that was cut short
    if settings.source is not None:
        copy_folder(_folder(settings.source), settings.into)
    elif settings.registry is not None:
        with registry(settings.registry) as opened:
            opened.download(opened.get(settings.model, settings.version), settings.into)
    else:
        raise Invalid("neither --registry nor --source is given", hint="name where the artefact is")
    return _verified(settings)


def _present(settings: Settings) -> Manifest | None:
    if not settings.into.exists():
        return None
    try:
        return _verified(settings)
    except MlopsError as error:
        _log.warning("what is there is fetched anew", folder=str(settings.into), reason=error.message)
        return None


def _verified(settings: Settings) -> Manifest:
    manifest = read_manifest(settings.into)
    verify(settings.into, manifest, settings.digest)
    if (manifest.model, manifest.version) != (settings.model, settings.version):
        raise Conflict(
            f"the artefact is {manifest.model} {manifest.version}, not {settings.model} {settings.version}",
            hint="register it under its own version",
        )
    return manifest


def _folder(source: str) -> Path:
    parts = urlsplit(source)
    if parts.scheme not in ("", "file"):
        raise Invalid(f"{parts.scheme}:// is not understood", hint="register the artefact, or name a folder")
    folder = Path(unquote(parts.path) if parts.scheme else source)
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 there and verified, 2 wrong settings, 5 may work later, 6 something is to be mended."""
    configure_logging(LogConfig(folder=None, levels={"httpx": "WARNING"}))
    try:
        settings = Settings(_cli_parse_args=sys.argv[1:] if arguments is None else list(arguments))
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name = "-".join(str(step) for step in fault["loc"]).replace("_", "-")
            sys.stderr.write(f"--{name}: {fault['msg']}\n")
        return _USAGE
    try:
        manifest = fetch(settings, lambda uri: open_registry(uri, lambda: datetime.now(UTC)))  # noqa: TID251 - wiring
    except MlopsError as error:
        # The last line of the log is what `kubectl describe pod` shows.
        _log.error("artefact not fetched", reason=error.message, next=error.hint)
        return _LATER if isinstance(error, Transient) else _NEVER
    _log.info("artefact fetched", model=manifest.model, version=manifest.version, digest=manifest.digest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
