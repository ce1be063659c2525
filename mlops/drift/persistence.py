"""Drift that lasts: one odd window is an odd day, two in a row are a change. Pure, but for the file of past answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mlops.errors import Invalid, Permanent
from mlops.json_lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WINDOWS = 2


def persisted(documents: Sequence[Mapping[str, Any]], windows: int = WINDOWS) -> tuple[str, ...]:
    """The features that drifted in each of the latest `windows` reports, as `DriftReport.document` writes them.

    A window without enough data neither confirms nor clears: it is left out.
    """
    told = [document for document in documents if document.get("verdict") != "NoData"][-windows:]
    if len(told) < windows:
        return ()
    drifted = [{test["feature"] for test in document["tests"] if test["drifted"]} for document in told]
    return tuple(sorted(set.intersection(*drifted)))


def remember(path: Path, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Append a report to the file of past ones, and return all of them, the newest last.

    Raises Invalid where the file holds something else, Permanent where it cannot be written.
    """
    past = _past(path) if path.exists() else []
    try:
        with path.open("ab") as stream:
            stream.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise Permanent(f"{path} cannot be written: {error.strerror}", hint="check the path and its rights") from error
    return [*past, document]


def _past(path: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for number, line in enumerate(read_lines(path), start=1):
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"{path}, line {number}: not JSON", hint="--history names a file of past reports") from error
        if not isinstance(document, dict) or not isinstance(document.get("tests"), list):
            raise Invalid(f"{path}, line {number}: no drift report", hint="--history names a file of past reports")
        found.append(document)
    return found
