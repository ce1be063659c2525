"""The resources of a laptop: Models, ModelVersions and ModelApprovals in SQLite, with the rules of an API server.

What `recipes apply` does to them is what `kubectl apply` does in a cluster: the same parser, the same immutability, a
deletion that waits until the shell has let go, levers that an apply without them leaves as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from controller.resource.approval import ModelApproval
from controller.resource.codec import codec, digest
from controller.resource.meta import API_VERSION, Meta, version_name
from controller.resource.model import Model
from controller.resource.model_status import ModelStatus
from controller.resource.parse import Resource, dump, parse, read
from controller.resource.version import Intent, ModelVersion
from controller.resource.version_status import VersionStatus
from mlops.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from controller.decide import Decision
    from controller.observation import Observation
    from mlops.embedded.database import Database

R = TypeVar("R", bound=Model | ModelVersion | ModelApproval)

# What people change between two applies; `kubectl apply` keeps such a field too when the manifest does not name it.
_LEVERS = {Model: {"pinned_version": "pinnedVersion", "paused": "paused"}, ModelVersion: {"intent": "intent"}}


class Change(StrEnum):
    """What an apply came to, in kubectl's words."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One resource after an apply."""

    resource: Resource
    change: Change


class Resources:
    """The resources of one served model. `clock` and `new_uid` stamp what is created."""

    def __init__(
        self, database: Database, model: str, clock: Callable[[], datetime], new_uid: Callable[[], str]
    ) -> None:
        self._database = database
        self._model = model
        self._clock = clock
        self._new_uid = new_uid

    def apply(self, manifest: Mapping[str, Any], *, by: str) -> Applied:
        """Create or change what the manifest describes, in the name of `by`.

        A ModelVersion whose Model is not there brings one with defaults. Raises InvalidManifest with every problem of
        the document, Invalid for another model than this home's, Conflict for a change of what cannot change.
        """
        wanted = parse(manifest)
        self._require_ours(wanted)
        with self._database.transaction():
            if not isinstance(wanted, Model):
                self.ensure_model(by=by)
            stored = self._find(type(wanted), wanted.meta.name)
            if isinstance(wanted, ModelApproval) and stored is not None and stored.meta.created_by != by:
                # Whoever forged an approval first must not stand in the way of the person who really gives it.
                wanted = _renamed(wanted, by)
                stored = self._find(ModelApproval, wanted.meta.name)
            if stored is None:
                return Applied(resource=self._create(wanted, by), change=Change.CREATED)
            return self._configure(stored, _with_levers(stored, wanted, manifest))

    def ensure_model(self, *, by: str) -> Model:
        """The Model, made with defaults where it is not there."""
        with self._database.transaction():
            return self.model() or self._create(Model(meta=Meta(name=self._model)), by)

    def of_one_moment(self, *, by: str) -> tuple[Model, tuple[ModelVersion, ...], tuple[ModelApproval, ...]]:
        """The Model, made where it is not there, its versions and its approvals, with nobody's write between them.

        Read one after the other, a version could be seen beside the Model of before, and be judged by its policy.
        """
        with self._database.transaction():
            return self.ensure_model(by=by), self.versions(), self.approvals()

    def patch_model(self, spec: Mapping[str, Any], *, by: str) -> Applied:
        """Replace blocks and levers of the Model's spec; None takes a field back to its default."""
        with self._database.transaction():
            manifest = dump(replace(self.ensure_model(by=by), status=None))
            merged = {**manifest["spec"], **spec}
            named = {name: value for name, value in merged.items() if value is not None}
            parsed = parse({**manifest, "spec": named})
            return self._configure(self.ensure_model(by=by), parsed)

    def set_intent(self, version: str, intent: Intent) -> Applied:
        """Move a version's one lever. Raises NotFound, and Conflict for a version that is being deleted."""
        with self._database.transaction():
            stored = self.version(version)
            return self._configure(stored, replace(stored, spec=replace(stored.spec, intent=intent)))

    def delete(self, kind: type[Model | ModelVersion | ModelApproval], name: str) -> None:
        """Ask for a deletion: the object stays until the shell releases it. An approval goes at once."""
        with self._database.transaction() as connection:
            stored = self._require(kind, name)
            if kind is ModelApproval:
                self.release(kind, name)
            elif not stored.meta.deleting:
                at = self._clock().isoformat()
                connection.execute("UPDATE objects SET deleted_at=? WHERE kind=? AND name=?", (at, kind.__name__, name))

    def release(self, kind: type[Model | ModelVersion | ModelApproval], name: str) -> None:
        """Let an object go; nothing happens when it is gone. Approvals of a version go with it."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM objects WHERE kind=? AND name=?", (kind.__name__, name))
            if kind is ModelVersion:
                for approval in self.approvals():
                    if version_name(approval.spec.model, approval.spec.version) == name:
                        self.release(ModelApproval, approval.meta.name)

    def model(self) -> Model | None:
        """The Model of this home, once there is one."""
        return self._find(Model, self._model)

    def version(self, version: str) -> ModelVersion:
        """One version by its number or its object's name. Raises NotFound, naming those that there are."""
        return named(self.versions(), version, self._model)

    def versions(self) -> tuple[ModelVersion, ...]:
        """Every ModelVersion, in the order in which they were created."""
        return self._all(ModelVersion)

    def approvals(self) -> tuple[ModelApproval, ...]:
        """Every ModelApproval, in the order in which they were given."""
        return self._all(ModelApproval)

    def save(self, observation: Observation, decision: Decision) -> None:
        """Store the statuses that changed, of objects that are still there; only the shell calls this."""
        with self._database.transaction() as connection:
            if decision.model != observation.model.status:
                status = codec(ModelStatus).dump(decision.model)
                _write_status(connection, "Model", observation.model.name, status)
            names = {version.spec.version: version.name for version in observation.versions}
            for number, changed in decision.changed(observation).items():
                _write_status(connection, "ModelVersion", names[number], codec(VersionStatus).dump(changed))

    def _require_ours(self, wanted: Resource) -> None:
        named = wanted.meta.name if isinstance(wanted, Model) else wanted.spec.model
        if named != self._model:
            raise Invalid(
                f"{type(wanted).__name__} {wanted.meta.name} is of model {named}, this home serves {self._model}",
                hint="set RECIPES_MODEL and RECIPES_HOME for another model",
            )

    def _create(self, wanted: R, by: str) -> R:
        created_at = self._clock()
        meta = replace(wanted.meta, uid=self._new_uid(), generation=1, created=created_at, created_by=by)
        created = replace(wanted, meta=meta)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO objects (kind, name, uid, generation, created, created_by, spec) VALUES (?,?,?,?,?,?,?)",
                (
                    type(wanted).__name__,
                    meta.name,
                    meta.uid,
                    meta.generation,
                    created_at.isoformat(),
                    by,
                    json.dumps(dump(created)["spec"]),
                ),
            )
        return created

    def _configure(self, stored: Resource, wanted: Resource) -> Applied:
        if stored.meta.deleting:
            raise Conflict(f"{stored.meta.name} is being deleted", hint="wait until it is gone, then apply again")
        if stored.spec == wanted.spec:
            return Applied(resource=stored, change=Change.UNCHANGED)
        _refuse_immutable(stored, wanted)
        meta = replace(stored.meta, generation=stored.meta.generation + 1)
        changed = replace(stored, spec=wanted.spec, meta=meta)  # type: ignore[arg-type] # both are of one kind
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE objects SET spec=?, generation=? WHERE kind=? AND name=?",
                (json.dumps(dump(changed)["spec"]), meta.generation, type(stored).__name__, meta.name),
            )
        return Applied(resource=changed, change=Change.CONFIGURED)

    def _require(self, kind: type[R], name: str) -> R:
        found = self._find(kind, name)
        if found is None:
            raise NotFound(f"there is no {kind.__name__} {name}", hint="recipes get")
        return found

    def _find(self, kind: type[R], name: str) -> R | None:
        rows = self._database.read("SELECT * FROM objects WHERE kind=? AND name=?", kind.__name__, name)
        return _resource(kind, rows[0]) if rows else None

    def _all(self, kind: type[R]) -> tuple[R, ...]:
        rows = self._database.read("SELECT * FROM objects WHERE kind=? ORDER BY created, name", kind.__name__)
        return tuple(_resource(kind, row) for row in rows)


def named(versions: Sequence[ModelVersion], version: str, model: str) -> ModelVersion:
    """The one of this number or object's name. Raises NotFound, naming those that there are."""
    for each in versions:
        if version in (each.spec.version, each.name):
            return each
    known = ", ".join(each.spec.version for each in versions) or "none"
    raise NotFound(f"there is no ModelVersion {version} of {model}; there are: {known}", hint="recipes get")


def _resource(kind: type[R], row: sqlite3.Row) -> R:
    document = {
        "apiVersion": API_VERSION,
        "kind": row["kind"],
        "metadata": {
            "name": row["name"],
            "uid": row["uid"],
            "generation": row["generation"],
            "creationTimestamp": row["created"],
            "deletionTimestamp": row["deleted_at"],
        },
        "spec": json.loads(row["spec"]),
        "status": json.loads(row["status"]) if row["status"] else None,
    }
    found = read(document)
    assert isinstance(found, kind)  # noqa: S101 - the kind is in the row
    return replace(found, meta=replace(found.meta, created_by=row["created_by"]))


def _renamed(approval: ModelApproval, by: str) -> ModelApproval:
    """The approval under a name that only this identity has."""
    return replace(approval, meta=replace(approval.meta, name=f"{approval.meta.name[:41]}-{digest(by)[-8:]}"))


def _with_levers(stored: Resource, wanted: Resource, manifest: Mapping[str, Any]) -> Resource:
    """`wanted`, with the levers as they stand where the manifest does not name them."""
    named = manifest.get("spec") or {}
    levers = _LEVERS.get(type(wanted), {})
    kept = {field: getattr(stored.spec, field) for field, name in levers.items() if name not in named}
    return replace(wanted, spec=replace(wanted.spec, **kept)) if kept else wanted  # type: ignore[arg-type]


def _refuse_immutable(stored: Resource, wanted: Resource) -> None:
    if isinstance(stored, Model):
        return
    free = _LEVERS.get(type(stored), {})
    changed = [
        field.name
        for field in fields(stored.spec)
        if field.name not in free and getattr(stored.spec, field.name) != getattr(wanted.spec, field.name)
    ]
    if changed:
        named = ", ".join(f"spec.{name}" for name in changed)
        raise Conflict(
            f"{type(stored).__name__} {stored.meta.name} cannot change {named}",
            hint="apply a new version instead" if isinstance(stored, ModelVersion) else "give it another name",
        )


def _write_status(connection: sqlite3.Connection, kind: str, name: str, status: Mapping[str, Any]) -> None:
    connection.execute("UPDATE objects SET status=? WHERE kind=? AND name=?", (json.dumps(status), kind, name))
