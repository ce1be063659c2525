"""The namespaces of an API server in memory, as `controller.cluster.api.KubeApi` shows it: no schemas, no admission."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mlops.errors import Invalid, NotFound, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from controller.cluster.kinds import Kind

Object = dict[str, Any]


class InMemoryKubeApi:
    """Keeps objects by kind and name. `before` is called with each verb: a test may raise from it."""

    def __init__(self, namespace: str = "shop") -> None:
        self.namespace = namespace
        self.objects: dict[str, dict[str, Object]] = {}
        self.lacking: set[str] = set()
        self.verbs: list[str] = []
        self.timestamp = lambda: "2026-07-01T00:00:00Z"
        self.changes = 0
        self.revision = 0
        self._cluster = {namespace: self}

    def within(self, namespace: str) -> InMemoryKubeApi:
        """Another namespace of the same cluster, each with its own count of revisions; "" lists all of them."""
        if not namespace:
            return _Everywhere(self._cluster)
        if namespace not in self._cluster:
            self._cluster[namespace] = other = InMemoryKubeApi(namespace)
            other._cluster = self._cluster
        return self._cluster[namespace]

    def before(self, verb: str) -> None:
        self.verbs.append(verb)

    def list(
        self, kind: Kind, selector: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        if kind.kind in self.lacking:
            raise Permanent(f"the cluster knows no {kind.kind} of {kind.api_version}")
        wanted = (selector or {}).items()
        found = self.objects.get(kind.kind, {}).values()
        return [
            deepcopy(each)
            for each in found
            if wanted <= each["metadata"].get("labels", {}).items()
            and all(field_of(each, path) == value for path, value in (fields or {}).items())
        ]

    def snapshot(self, kind: Kind, label: str | None = None) -> Iterator[Object]:
        for each in self.list(kind):
            if label is None or label in each["metadata"].get("labels", {}):
                yield each

    def get(self, kind: Kind, name: str) -> Object | None:
        return deepcopy(self.objects.get(kind.kind, {}).get(name))

    def apply(self, kind: Kind, manifest: Object) -> Object:
        self.before(f"apply {kind.kind}")
        stored = self.get(kind, manifest["metadata"]["name"])
        if stored is None:
            return self._put(kind, manifest, generation=1)
        changed = stored["spec"] != manifest["spec"]
        metadata = stored["metadata"] | manifest["metadata"]
        return self._put(
            kind, stored | manifest | {"metadata": metadata}, generation=stored["metadata"]["generation"] + changed
        )

    def create(self, kind: Kind, manifest: Object) -> Object | None:
        self.before(f"create {kind.kind}")
        if self.get(kind, manifest["metadata"]["name"]) is not None:
            return None
        return self._put(kind, manifest, generation=1)

    def replace(self, kind: Kind, document: Object) -> Object | None:
        self.before(f"replace {kind.kind}")
        stored = self._required(kind, document["metadata"]["name"])
        if stored["metadata"]["resourceVersion"] != document["metadata"]["resourceVersion"]:
            return None
        return self._put(kind, document, generation=stored["metadata"]["generation"])

    def replace_status(self, kind: Kind, document: Object) -> Object:
        self.before(f"status {kind.kind}")
        stored = self._required(kind, document["metadata"]["name"])
        if stored["metadata"]["resourceVersion"] != document["metadata"]["resourceVersion"]:
            raise Transient(f"{kind.kind} {document['metadata']['name']} changed meanwhile")
        changed = stored | {"status": document["status"]}
        return self._put(kind, changed, generation=stored["metadata"]["generation"])

    def merge(self, kind: Kind, name: str, change: Object) -> Object | None:
        self.before(f"merge {kind.kind}")
        stored = self.get(kind, name)
        if stored is None:
            return None
        wanted = change.get("metadata", {}).get("resourceVersion")
        if wanted not in (None, stored["metadata"]["resourceVersion"]):
            raise Transient(f"{kind.kind} {name} changed meanwhile")
        merged = _merged(stored, change)
        put = self._put(
            kind, merged, generation=stored["metadata"]["generation"] + (merged.get("spec") != stored.get("spec"))
        )
        if "deletionTimestamp" in merged["metadata"] and not merged["metadata"].get("finalizers"):
            del self.objects[kind.kind][name]
            self.changes += 1
        return put

    def delete(self, kind: Kind, name: str) -> None:
        self.before(f"delete {kind.kind}")
        stored = self.get(kind, name)
        if stored is None:
            return
        if stored["metadata"].get("finalizers"):
            metadata = {**stored["metadata"], "deletionTimestamp": self.timestamp()}
            self._put(kind, {**stored, "metadata": metadata}, generation=metadata["generation"])
        else:
            del self.objects[kind.kind][name]
            self.changes += 1

    def set_status(self, kind: Kind, name: str, **status: Any) -> None:
        """What another controller would write."""
        stored = self._required(kind, name)
        self._put(
            kind, stored | {"status": stored.get("status", {}) | status}, generation=stored["metadata"]["generation"]
        )

    def _required(self, kind: Kind, name: str) -> Object:
        found = self.get(kind, name)
        if found is None:
            raise NotFound(f"there is no {kind.kind} {name}")
        return found

    def _put(self, kind: Kind, manifest: Object, *, generation: int) -> Object:
        try:
            document = json.loads(json.dumps(manifest))
        except TypeError as error:
            raise Invalid(str(error)) from error
        self.revision += 1
        number = self.revision
        self.changes += 1
        document["metadata"] = {
            "uid": f"uid-{number}", "creationTimestamp": self.timestamp(), **document["metadata"],
            "generation": generation, "resourceVersion": str(number), "namespace": self.namespace,
        }  # fmt: skip
        self.objects.setdefault(kind.kind, {})[document["metadata"]["name"]] = document
        return deepcopy(document)


class _Everywhere(InMemoryKubeApi):
    """All namespaces of a cluster, to be listed."""

    def __init__(self, cluster: dict[str, InMemoryKubeApi]) -> None:
        super().__init__("")
        self._cluster = cluster

    def list(
        self, kind: Kind, selector: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        return [found for api in self._cluster.values() for found in api.list(kind, selector, fields)]


def field_of(document: Object, path: str) -> Any:
    """What stands at `a.b.c`."""
    found: Any = document
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _merged(target: Any, change: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
