"""How a version is written into MLflow's tags, and read back: parsed once here, trusted everywhere else. Pure.

| tag | holds |
|---|---|
| `recipes.version` | the semantic version |
| `recipes.stage` | the stage last written; production is told by the alias alone, see `mlops.registry.listing` |
| `recipes.digest` | `sha256:…` of the artefact's manifest |
| `recipes.metadata`, `recipes.metrics` | JSON objects |
| `recipes.history.<UTC time>-<id>` | one event as JSON; a tag of its own, so that concurrent writers lose nothing |

MLflow accepts tags of 100,000 characters, but keeps them in a column that is 65,535 bytes wide on MySQL.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops.errors import Invalid, Permanent
from mlops.registry.semantic_version import parse_version
from mlops.registry.stages import Stage
from mlops.registry.values import HistoryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.registry.backend import StoredVersion

VERSION = "recipes.version"
STAGE = "recipes.stage"
DIGEST = "recipes.digest"
METADATA = "recipes.metadata"
METRICS = "recipes.metrics"
HISTORY = "recipes.history."

MAX_DOCUMENT_BYTES = 60_000
MAX_REASON = 4_000
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FOREIGN_TO_MLFLOW = re.compile(r"[^\w.\-/: ]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version with its tags understood. `tagged` is the stage tag, which is not the last word on production."""

    model: str
    number: int
    version: str
    tagged: Stage
    digest: str
    source: str
    run_id: str
    metadata: Mapping[str, Any]
    metrics: Mapping[str, float]
    events: tuple[HistoryEvent, ...]


def read_record(stored: StoredVersion) -> Record | None:
    """Understand the tags of `stored`; None for a version that some other program registered.

    Raises Permanent that names the tag, when one of ours was damaged in MLflow.
    """
    tags = stored.tags
    if VERSION not in tags:
        return None
    try:
        events = sorted(_events(tags), key=lambda event: event.key)
        if not events:
            raise ValueError(f"no {HISTORY}… tag is left")  # noqa: TRY301 - joins the others below
        return Record(
            model=stored.model,
            number=stored.number,
            version=str(parse_version(tags[VERSION])),
            tagged=Stage(tags[STAGE]),
            digest=tags[DIGEST],
            source=stored.source,
            run_id=stored.run_id,
            metadata=_object(tags[METADATA]),
            metrics=_object(tags[METRICS]),
            events=tuple(events),
        )
    except (KeyError, ValueError, Invalid) as error:
        raise Permanent(
            f"version {stored.number} of {stored.model} has a damaged tag: {error}",
            hint="mend the tag in MLflow, or delete this version there",
        ) from error


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text[:40]!r} is not a JSON object")  # noqa: TRY004 - joins the others of `read_record`
    return value


def _events(tags: Mapping[str, str]) -> list[HistoryEvent]:
    events = []
    for tag, text in tags.items():
        if tag.startswith(HISTORY):
            found = _object(text)
            event = HistoryEvent(
                key=tag.removeprefix(HISTORY),
                at=datetime.fromisoformat(found["at"]),
                by=found["by"],
                why=found["why"],
                source=None if found["from"] is None else Stage(found["from"]),
                target=Stage(found["to"]),
            )
            events.append(event)
    return events


def event_key(at: datetime, unique: str) -> str:
    """Sorts by time; `unique` tells apart what happened in the same microsecond."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{unique}"


def event_tag(event: HistoryEvent) -> tuple[str, str]:
    """Key and value of the tag that holds `event`."""
    return HISTORY + event.key, json.dumps(event.to_json(), ensure_ascii=False)


def shortened(why: str) -> str:
    """A reason that fits its tag: a promotion must not fail because somebody explained it at length."""
    return why if len(why) <= MAX_REASON else f"{why[: MAX_REASON - 1]}…"


def document(value: Mapping[str, Any], what: str) -> str:
    """`value` as the JSON of a tag. Raises Invalid when it is not JSON or too long for every database."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
        length = len(text.encode())
    except (TypeError, ValueError) as error:
        raise Invalid(f"{what} cannot be written as JSON: {error}", hint="use plain JSON types") from error
    if length > MAX_DOCUMENT_BYTES:
        raise Invalid(
            f"{what} take {length} bytes as JSON, the limit is {MAX_DOCUMENT_BYTES}",
            hint="put large documents into the artefact",
        )
    return text


def mlflow_names(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Rename what MLflow refuses in names of metrics and parameters: `ndcg@10` becomes `ndcg_at_10`, others `_`.

    Raises Invalid when two names become one.
    """
    renamed = {_FOREIGN_TO_MLFLOW.sub("_", name.replace("@", "_at_")): value for name, value in values.items()}
    if len(renamed) != len(values):
        raise Invalid(f"two {what} of {sorted(values)} have one name in MLflow", hint="rename one of them")
    return renamed


def check_model_name(model: str) -> str:
    """Return `model`; raises Invalid unless it is letters, digits, `.`, `_` and `-`, at most 100."""
    # MLflow's search takes the name inside a quoted filter, so no quote may ever get there.
    if not _MODEL_NAME.fullmatch(model):
        raise Invalid(f"{model[:120]!r} is not a model name", hint="use letters, digits, '.', '_' and '-', at most 100")
    return model


def check_digest(digest: str) -> str:
    """Return `digest`; raises Invalid unless it is `sha256:` and 64 hexadecimal digits."""
    if not _DIGEST.fullmatch(digest):
        raise Invalid(f"{digest[:80]!r} is not a digest", hint="it is `sha256:` and 64 hexadecimal digits")
    return digest


def check_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return `metrics` as floats; raises Invalid naming the first that is not a finite number."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise Invalid(f"metric {name} is {value}, a finite number is needed", hint="look at the evaluation")
    return {name: float(value) for name, value in metrics.items()}
