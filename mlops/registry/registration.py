"""Putting an artefact into the registry: a run with its numbers and files first, the version that points at it last.

A crash on the way leaves a run without a version, which nobody reads; never a version without its files.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.errors import Conflict, MlopsError
from mlops.registry.backend import RunRecord
from mlops.registry.record import (
    DIGEST,
    METADATA,
    METRICS,
    STAGE,
    VERSION,
    check_digest,
    check_metrics,
    check_model_name,
    document,
    event_tag,
    mlflow_names,
)
from mlops.registry.semantic_version import parse_version, same_release
from mlops.registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops.registry.ledger import Ledger
    from mlops.registry.listing import Listing
    from mlops.registry.record import Record
    from mlops.registry.values import Cause

EXPERIMENT = "recipe-recommendations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is to be registered. `params` become text in MLflow; `metadata` is any JSON object."""

    model: str
    version: str
    folder: Path
    digest: str
    metadata: Mapping[str, Any]
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    cause: Cause
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


def register(ledger: Ledger, wanted: Registration) -> tuple[Listing, Record]:
    """Register `wanted`, or find it registered already with the same digest.

    Raises Conflict when the release is taken by another artefact, Invalid for a bad name, version, digest or number.
    """
    check_model_name(wanted.model)
    parse_version(wanted.version)
    check_digest(wanted.digest)
    tags = _tags(ledger, wanted)
    before = ledger.listing(wanted.model)
    if any(same_release(record.version, wanted.version) for record in before.records):
        return before, _same_artefact(before, wanted)
    source, run_id = _log_run(ledger, wanted)
    ledger.backend.create_model(wanted.model)
    created = ledger.backend.create_version(wanted.model, source=source, run_id=run_id, tags=tags)
    after = ledger.listing(wanted.model)
    # Two who register one release at once both come this far; a listing shows the lowest number, the other goes.
    record = after.find(wanted.version)
    if record.number != created.number:
        ledger.backend.delete_version(wanted.model, created.number)
        record = _same_artefact(after, wanted)
    return after, record


def _same_artefact(listing: Listing, wanted: Registration) -> Record:
    record = listing.find(wanted.version)
    if record.digest != wanted.digest:
        raise Conflict(
            f"{wanted.model} {wanted.version} is taken by {record.version} with digest {record.digest},"
            f" not {wanted.digest}",
            hint="a registered version never changes; choose the next version",
        )
    return record


def _tags(ledger: Ledger, wanted: Registration) -> dict[str, str]:
    event = ledger.event(None, Stage.TRAINING, wanted.cause, after=None)
    return {
        VERSION: wanted.version,
        STAGE: Stage.TRAINING.value,
        DIGEST: wanted.digest,
        METADATA: document(wanted.metadata, "the metadata"),
        METRICS: document(check_metrics(wanted.metrics), "the metrics"),
        **dict([event_tag(event)]),
    }


def run_record(
    name: str,
    *,
    metrics: Mapping[str, float],
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    curves: Mapping[str, Sequence[float]],
) -> RunRecord:
    """What a run says of itself, in MLflow's names. Raises Invalid for a number that is not finite."""
    return RunRecord(
        name=name,
        metrics=mlflow_names(check_metrics(metrics), "metrics"),
        params={key: str(value) for key, value in mlflow_names(params, "parameters").items()},
        tags=tags,
        curves=mlflow_names(curves, "curves"),
    )


def _log_run(ledger: Ledger, wanted: Registration) -> tuple[str, str]:
    """Write the run with its files; returns their URI and the run's id."""
    backend = ledger.backend
    record = run_record(
        f"{wanted.model} {wanted.version}",
        metrics=wanted.metrics,
        params=wanted.params,
        tags={"recipes.model": wanted.model, VERSION: wanted.version, DIGEST: wanted.digest},
        curves=wanted.curves,
    )
    run = backend.start_run(EXPERIMENT, record, ledger.clock())
    try:
        source = backend.upload(run, wanted.folder)
    except BaseException:
        # Ctrl-C too: the run would look as if it were still going. The first fault is the one to report.
        with suppress(MlopsError):
            backend.finish_run(run, "FAILED", ledger.clock())
        raise
    backend.finish_run(run, "FINISHED", ledger.clock())
    return source, run.run_id
