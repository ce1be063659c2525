"""The CRDs, made from the values that the parser reads: `python -m controller.resource.crd` prints them. Pure.

A structural schema knows no `$ref`, no `title` and no `anyOf` with null; what is unknown is pruned, and refused by a
kubectl that validates strictly. What spans fields, and what may not change, is said in CEL.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import yaml

from controller.resource.approval import ApprovalSpec
from controller.resource.codec import codec
from controller.resource.meta import GROUP
from controller.resource.model import ModelSpec
from controller.resource.model_status import ModelStatus
from controller.resource.version import VersionSpec
from controller.resource.version_status import VersionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

_DROPPED = {"title", "default", "additionalProperties"}
# Defaults that fit on a line of `kubectl get -o yaml`. Blocks have theirs by their fields.
_SHOWN = (str, int, bool)
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_VERSION_LEVERS = {"intent"}


def crds() -> list[Schema]:
    """The three CRDs, as manifests."""
    return [
        _crd(
            "Model", "models", "mdl", _schema(ModelSpec, defaults=True), _schema(ModelStatus),
            [
                _column("Production", ".status.production"),
                _column("Canary", ".status.canary"),
                _column("Reason", ".status.reason"),
                _column("Message", ".status.message", priority=1),
            ],
        ),
        _crd(
            "ModelVersion", "modelversions", "mv",
            _frozen(_schema(VersionSpec, defaults=True), _VERSION_LEVERS), _schema(VersionStatus),
            [
                _column("Model", ".spec.model"),
                _column("Version", ".spec.version"),
                _column("Stage", ".status.stage"),
                _column("Weight", ".status.weight", kind="integer"),
                _column("Reason", ".status.reason"),
                _column("Approved", _condition("Approved")),
                _column("Ready", _condition("Ready")),
                _column("Message", ".status.message", priority=1),
            ],
            named="self.metadata.name == (self.spec.model + '-' + self.spec.version)"
            ".replace('.', '-').replace('+', '-').lowerAscii()",
            fields=[".spec.model", ".spec.version"],
        ),
        _crd(
            "ModelApproval", "modelapprovals", "map", _frozen(_schema(ApprovalSpec, defaults=True), set()), None,
            [
                _column("Model", ".spec.model"),
                _column("Version", ".spec.version"),
                _column("Decision", ".spec.decision"),
                _column("Approver", ".spec.approver"),
            ],
            fields=[".spec.model", ".spec.version"],
        ),
    ]  # fmt: skip


def _crd(
    kind: str,
    plural: str,
    short: str,
    spec: Schema,
    status: Schema | None,
    columns: list[Schema],
    *,
    named: str | None = None,
    fields: list[str] | None = None,
) -> Schema:
    properties = {"spec": spec} if status is None else {"spec": spec, "status": status}
    root: Schema = {"type": "object", "required": ["spec"], "properties": properties}
    if named is not None:
        message = "the name follows from model and version: MODEL-X-Y-Z"
        root["x-kubernetes-validations"] = [{"rule": named, "message": message}]
    version: Schema = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "additionalPrinterColumns": [*columns, _AGE],
    }
    if status is not None:
        version["subresources"] = {"status": {}}
    if fields:
        version["selectableFields"] = [{"jsonPath": path} for path in fields]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": [short],
                      "categories": ["recipes"]},
            "versions": [version],
        },
    }  # fmt: skip


def _condition(name: str) -> str:
    return f'.status.conditions[?(@.type=="{name}")].status'


def _column(name: str, path: str, *, kind: str = "string", priority: int = 0) -> Schema:
    return {"name": name, "type": kind, "jsonPath": path, "priority": priority}


def _frozen(spec: Schema, levers: set[str]) -> Schema:
    """The schema with every field immutable but the levers."""
    rules = [
        {
            "rule": f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
            "message": f"{name} cannot change; apply a new version instead",
        }
        for name in spec["properties"]
        if name not in levers
    ]
    return {**spec, "x-kubernetes-validations": rules}


def _schema(kind: type[Any], *, defaults: bool = False) -> Schema:
    definitions = codec(kind, "ignore").schema()
    return _Translation(definitions, defaults=defaults).structural(definitions[kind.__name__])


class _Translation:
    """From JSON schema, as pydantic writes it, to the structural kind. A status has no defaults: we alone write it."""

    def __init__(self, definitions: Mapping[str, Any], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def structural(self, schema: Mapping[str, Any]) -> Schema:
        """One schema, with all below it."""
        found = self._without_default(schema)
        default = schema.get("default")
        if self._defaults and isinstance(default, _SHOWN):
            found["default"] = default
        return found

    def _without_default(self, schema: Mapping[str, Any]) -> Schema:
        if "$ref" in schema:
            return _described(self.structural(self._definitions[schema["$ref"].rpartition("/")[2]]), schema)
        if "anyOf" in schema:
            return _described(self._alternatives(schema["anyOf"]), schema)
        found: Schema = {key: value for key, value in schema.items() if key not in _DROPPED}
        if "properties" in found:
            found["properties"] = {name: self.structural(each) for name, each in found["properties"].items()}
        elif isinstance(schema.get("additionalProperties"), dict):
            found["additionalProperties"] = self.structural(schema["additionalProperties"])
        if "items" in found:
            found["items"] = self.structural(found["items"])
        if "const" in found:
            found["enum"] = [found.pop("const")]
        return found

    def _alternatives(self, choices: list[Mapping[str, Any]]) -> Schema:
        """One of the choices, the one with most to say; a number that may be written as text is written as text."""
        given = [choice for choice in choices if choice.get("type") != "null"]
        texts = [choice for choice in given if choice.get("type") == "string"]
        found = self.structural((texts or given)[0])
        return {**found, "nullable": True} if len(given) < len(choices) else found


def _described(found: Schema, field: Mapping[str, Any]) -> Schema:
    """What a field is for, before what its block says of itself."""
    said, own = field.get("description", ""), found.get("description", "")
    told = own if own.startswith(said) else f"{said} {own}".strip()
    return (
        {"description": told, **{key: value for key, value in found.items() if key != "description"}} if told else found
    )


if __name__ == "__main__":
    sys.stdout.write(yaml.safe_dump_all(crds(), sort_keys=False, width=120))
