"""The record of decisions in a cluster: a line of the controller's log for each, and how it is read back. Pure.

    {"event": "decided", "namespace": "shop", "model": "recipes", "versions": ["1.1.0"], "record": "eJx…", …}

Nothing else is written for it: no right, object or volume is needed, and it is kept as long as logs are. `record` is a
`controller.replay.Record` as JSON, compressed: some 3 KB.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from controller.replay import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.cluster.key import Key

LOGGER, EVENT = "mlops.record", "decided"
_LIMIT = 4 << 20  # bytes of one record, unpacked: a log may hold anything


def packed(record: Record) -> str:
    """Return a record as one word of a line."""
    return base64.b64encode(zlib.compress(json.dumps(record.to_dict()).encode())).decode()


def records_of(lines: Iterable[str], key: Key, version: str) -> tuple[Record, ...]:
    """The decisions that changed a version's status, oldest first; lines of anything else are passed over.

    Those of several replicas may come one after the other, and any of them twice.
    """
    found: dict[str, Record] = {}
    for line in lines:
        if EVENT not in line:
            continue
        said = _said(line)
        whose = (said.get("namespace", key.namespace), said.get("model"))  # older lines name no namespace
        if said.get("event") == EVENT and whose == key and version in said.get("versions", ()):
            word = str(said.get("record"))
            record = _unpacked(word)
            if record is not None:
                found[word] = record
    return tuple(sorted(found.values(), key=lambda record: record.at))


def _said(line: str) -> dict[str, Any]:
    # Whatever ships logs may put its own words before the line.
    start = line.find("{")
    try:
        found = json.loads(line[start:]) if start >= 0 else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _unpacked(word: str) -> Record | None:
    try:
        text = zlib.decompressobj().decompress(base64.b64decode(word, validate=True), _LIMIT)
        return Record.from_dict(json.loads(text))
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, ValidationError):
        return None
