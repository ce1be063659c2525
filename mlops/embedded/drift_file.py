"""What the latest comparison of queries in this home came to, for the check that asks every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


def write_reports(path: Path, version: str, reports: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Replace the file; `version` is that in production. Raises Permanent where it cannot be written."""
    fresh = path.with_name(f".{path.name}.new")
    document = {"at": at.isoformat(), "version": version, "reports": list(reports)}
    try:
        fresh.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        fresh.replace(path)
    except OSError as error:
        raise Permanent(f"{path} cannot be written: {error.strerror}", hint="free disk space") from error


def read_reports(path: Path, version: str) -> list[dict[str, Any]] | None:
    """The reports about `version`, the latest window last; None where there are none, or of another version."""
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    if not isinstance(document, dict) or document.get("version") != version:
        return None
    reports: list[dict[str, Any]] = document["reports"]
    return reports
