"""Manifests to values and back: the one parser behind `recipes apply`, the embedded store and the Kubernetes shell.

`parse` reads what a person wrote and trusts none of it; `read` reads back what the store or the API server kept, status
and metadata included. Both take plain dictionaries: loading YAML or JSON is the caller's business.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from controller.resource.approval import ApprovalSpec, ModelApproval
from controller.resource.codec import codec, digest
from controller.resource.fields import dns_label
from controller.resource.messages import problems_of, unknown_field
from controller.resource.meta import API_VERSION, Meta, version_name
from controller.resource.model import Model, ModelSpec
from controller.resource.model_status import ModelStatus
from controller.resource.problems import InvalidManifest, Problem
from controller.resource.version import ModelVersion, VersionSpec
from controller.resource.version_status import VersionStatus

Resource = Model | ModelVersion | ModelApproval
Spec = ModelSpec | VersionSpec | ApprovalSpec
Manifest = Mapping[str, Any]

SPECS: dict[str, type[ModelSpec | VersionSpec | ApprovalSpec]] = {
    "Model": ModelSpec,
    "ModelVersion": VersionSpec,
    "ModelApproval": ApprovalSpec,
}
STATUSES: dict[str, type[ModelStatus | VersionStatus]] = {"Model": ModelStatus, "ModelVersion": VersionStatus}
_ENVELOPE = ("apiVersion", "kind", "metadata", "spec", "status")


def parse(manifest: object) -> Resource:
    """Read what a person wrote; its status and server-side metadata are ignored, a missing name is derived.

    Raises InvalidManifest with every problem of the document.
    """
    kind, document = _envelope(manifest)
    spec, problems = _load(SPECS[kind], _spec(document), "spec")
    name, naming = _name(kind, document, spec)
    _refuse(kind, name, (*_foreign_fields(document), *naming, *problems))
    assert spec is not None  # noqa: S101 - without a value there are problems, and those were refused above
    meta = Meta(name=name, namespace=str(_metadata(document).get("namespace") or "default"))
    return _assembled(meta, spec, None)


def read(stored: object) -> Resource:
    """Read back what `dump` wrote or the API server kept. Raises InvalidManifest, also for a status not of ours."""
    kind, document = _envelope(stored)
    spec, problems = _load(SPECS[kind], _spec(document), "spec")
    status: ModelStatus | VersionStatus | None = None
    if document.get("status") and kind in STATUSES:
        status, more = _load(STATUSES[kind], document["status"], "status")
        problems = (*problems, *more)
    name, naming = _name(kind, document, spec)
    _refuse(kind, name, (*naming, *problems))
    assert spec is not None  # noqa: S101 - as above
    return _assembled(_stored_meta(name, _metadata(document)), spec, status)


def dump(resource: Resource) -> dict[str, Any]:
    """Write a resource as a manifest, without what equals its default. `created_by` is the store's to keep."""
    kind = type(resource).__name__
    meta = resource.meta
    metadata: dict[str, Any] = {"name": meta.name, "namespace": meta.namespace, "generation": meta.generation}
    if meta.uid:
        metadata["uid"] = meta.uid
    if meta.created is not None:
        metadata["creationTimestamp"] = _timestamp(meta.created)
    if meta.deleted_at is not None:
        metadata["deletionTimestamp"] = _timestamp(meta.deleted_at)
    document = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata}
    document["spec"] = codec(type(resource.spec), "forbid").dump(resource.spec)
    if not isinstance(resource, ModelApproval) and resource.status is not None:
        document["status"] = codec(type(resource.status)).dump(resource.status)
    return document


def _envelope(manifest: object) -> tuple[str, Manifest]:
    """The kind and the document; what is not one of ours at all is refused here, before anything else is said of it."""
    if not isinstance(manifest, Mapping):
        raise InvalidManifest("the document", (Problem((), f"must be a mapping, is {type(manifest).__name__}"),))
    problems = []
    if manifest.get("apiVersion") != API_VERSION:
        problems.append(Problem(("apiVersion",), f"is {manifest.get('apiVersion')!r}; write {API_VERSION}"))
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        close = difflib.get_close_matches(str(kind), SPECS, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        problems.append(Problem(("kind",), f"{kind!r} is none of {', '.join(SPECS)}{meant}"))
    if not isinstance(manifest.get("metadata") or {}, Mapping):
        problems.append(Problem(("metadata",), "must be a mapping"))
    _refuse("the document", "", tuple(problems))
    return str(kind), manifest


def _load(kind: type[Any], data: object, field: str) -> tuple[Any, tuple[Problem, ...]]:
    strictness = "forbid" if field == "spec" else "ignore"  # a newer controller's status may hold more
    try:
        return codec(kind, strictness).load(data), ()  # type: ignore[arg-type]
    except ValidationError as error:
        return None, problems_of(error, kind, (field,))
    except (ValueError, RecursionError):  # what JSON cannot hold: a YAML alias that contains itself
        return None, (Problem((field,), "refers to itself or is nested too deeply"),)


def _name(kind: str, document: Manifest, spec: Spec | None) -> tuple[str, tuple[Problem, ...]]:
    """The object's name: given or derived. That of a version is never free: it says which version it is."""
    given = _metadata(document).get("name")
    derived = _derived_name(spec)
    name = str(given or derived or "")
    if not name:
        return name, (Problem(("metadata", "name"), "is required"),) if kind == "Model" else ()
    problems = []
    if isinstance(spec, VersionSpec) and name != derived:
        reason = f"is {name!r}; the name of {spec.model} {spec.version} is {derived}, or leave it out"
        problems.append(Problem(("metadata", "name"), reason))
    try:
        dns_label(name)
    except ValueError as error:
        problems.append(Problem(("metadata", "name"), str(error)))
    return name, tuple(problems)


def _derived_name(spec: Spec | None) -> str | None:
    match spec:
        case VersionSpec():
            return version_name(spec.model, spec.version)
        case ApprovalSpec():
            told_apart = digest([spec.version, spec.approver, spec.digest, spec.results_hash])[-8:]
            return f"{spec.model}-{spec.decision.lower()}-{told_apart}"
        case _:
            return None


def _foreign_fields(document: Manifest) -> tuple[Problem, ...]:
    return tuple(
        Problem((str(name),), unknown_field(str(name), list(_ENVELOPE))) for name in document if name not in _ENVELOPE
    )


def _spec(document: Manifest) -> object:
    """What stands under spec; leaving it empty leaves everything to the defaults."""
    spec = document.get("spec")
    return {} if spec is None else spec


def _metadata(document: Manifest) -> Manifest:
    return document.get("metadata") or {}


def _stored_meta(name: str, metadata: Manifest) -> Meta:
    return Meta(
        name=name,
        namespace=str(metadata.get("namespace") or "default"),
        uid=str(metadata.get("uid") or ""),
        generation=int(metadata.get("generation") or 1),
        created=_instant(metadata.get("creationTimestamp")),
        deleted_at=_instant(metadata.get("deletionTimestamp")),
    )


def _assembled(meta: Meta, spec: Spec, status: ModelStatus | VersionStatus | None) -> Resource:
    match spec:
        case ModelSpec():
            return Model(meta=meta, spec=spec, status=status if isinstance(status, ModelStatus) else None)
        case VersionSpec():
            return ModelVersion(meta=meta, spec=spec, status=status if isinstance(status, VersionStatus) else None)
        case ApprovalSpec():
            return ModelApproval(meta=meta, spec=spec)


def _instant(timestamp: object) -> datetime | None:
    return datetime.fromisoformat(str(timestamp)) if timestamp else None


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _refuse(kind: str, name: str, problems: tuple[Problem, ...]) -> None:
    if problems:
        raise InvalidManifest(f"{kind} {name}".rstrip(), problems)
