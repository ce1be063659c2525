"""A copy of what the API holds of the watched kinds, so that looking costs the API nothing.

Events of the watches and the answers to our own writes keep it; whoever is newer wins, so what was just written is read
back at once. From time to time everything is listed and compared: what a watch ought to have told and did not is
mended, and said by `deaf`, for a watch may die without a word.

Documents are kept as bytes: a ModelVersion that ended long ago should cost some kilobytes and no more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import orjson

from controller.cluster.key import Key
from controller.cluster.kinds import MODEL, MODELS, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from controller.cluster.api import KubeApi, Object
    from controller.cluster.kinds import Kind

# How long a watch may owe what a listing has shown.
_PATIENCE_SECONDS = 60.0
MODEL_FIELD = "spec.model"


@dataclass(frozen=True, slots=True)
class _Kept:
    revision: int
    model: str | None
    document: bytes


def model_of(kind: Kind, document: Object) -> str | None:
    """Return the name of the model that an object belongs to, None where it says none."""
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    if kind == MODELS:
        return str(metadata["name"])
    named = spec.get("model") if kind in OURS else (metadata.get("labels") or {}).get(MODEL)
    return named if isinstance(named, str) else None


class Mirror:
    """What `api` lists: one namespace, or all of them. Threads may share it.

    `timer` returns seconds that never go back.
    """

    def __init__(self, api: KubeApi, watched: Iterable[Kind], timer: Callable[[], float]) -> None:
        self._api = api
        self._timer = timer
        self._lock = Lock()
        # By kind, namespace and name.
        self._kept: dict[Kind, defaultdict[str, dict[str, _Kept]]] = {kind: defaultdict(dict) for kind in watched}
        # The names of what belongs to a model, in a namespace: a look at one must not cost as much as all of them.
        self._named: defaultdict[tuple[Kind, str, str | None], dict[str, None]] = defaultdict(dict)
        self._gone: dict[tuple[Kind, str, str], int] = {}
        self._owed: dict[tuple[Kind, str, str], tuple[int, float]] = {}
        self.filled = False

    def within(self, namespace: str) -> MirroredNamespace:
        """Return what a shell asks."""
        return MirroredNamespace(self, self._api.within(namespace))

    def every(self, kind: Kind) -> list[Object]:
        """Return the objects of a watched kind, wherever they are."""
        with self._lock:
            kept = [each.document for inside in self._kept[kind].values() for each in inside.values()]
        return [orjson.loads(document) for document in kept]

    def inside(self, namespace: str, kind: Kind, model: str | None) -> list[Object] | None:
        """Return the objects of a kind in a namespace, those of a model if one is named; None if it is not watched."""
        if kind not in self._kept:
            return None
        with self._lock:
            inside = self._kept[kind].get(namespace, {})
            names = inside if model is None else self._named.get((kind, namespace, model), {})
            kept = [inside[name].document for name in names]
        return [orjson.loads(document) for document in kept]

    def one(self, namespace: str, kind: Kind, name: str) -> Object | None:
        """Return an object of a watched kind, None where there is none."""
        with self._lock:
            kept = self._kept[kind].get(namespace, {}).get(name)
        return None if kept is None else orjson.loads(kept.document)

    def wrote(self, kind: Kind, document: Object) -> Object:
        """Take in what the API answered to a write, and return it."""
        if kind in self._kept:
            self._keep(kind, document)
        return document

    def lost(self, kind: Kind, namespace: str, name: str, revision: int | None = None) -> Key | None:
        """Know that it is gone, as of `revision` if that is known; returns the model that this is news for.

        An older word about it, on its way still, does not bring it back.
        """
        with self._lock:
            inside = self._kept[kind].get(namespace, {}) if kind in self._kept else {}
            known = inside.get(name)
            if known is None or (revision is not None and revision < known.revision):
                return None
            del inside[name]
            self._unname((kind, namespace, known.model), name)
            if not inside:
                del self._kept[kind][namespace]
            self._owed.pop((kind, namespace, name), None)
            self._gone[kind, namespace, name] = max(known.revision, revision or 0)
            return None if known.model is None else Key(namespace, known.model)

    def saw(self, kind: Kind, what: str | None, document: Object) -> Key | None:
        """Take in an event of a watch; returns the model that it is news for, None where it is none."""
        namespace, name, revision = _identity(document)
        with self._lock:
            owed = self._owed.get((kind, namespace, name))
            if owed is not None and owed[0] <= revision:
                del self._owed[kind, namespace, name]
        if what != "DELETED":
            return _key(kind, document) if self._keep(kind, document) else None
        return self.lost(kind, namespace, name, revision)

    def refresh(self, kind: Kind) -> set[Key]:
        """List and compare; returns the models that it was news for.

        Raises Transient where the API does not answer, Permanent where the cluster lacks the kind.
        """
        news: set[Key | None] = set()
        there: set[tuple[str, str]] = set()
        before = self._revisions(kind)
        for document in self._api.snapshot(kind, None if kind in OURS else MODEL):
            namespace, name, _ = _identity(document)
            there.add((namespace, name))
            if self._keep(kind, document, owed=True):
                news.add(_key(kind, document))
        # What appeared or changed since the listing began is none of its business.
        for (namespace, name), revision in before.items():
            if (namespace, name) not in there:
                news.add(self.lost(kind, namespace, name, revision))
        return {each for each in news if each is not None}

    def fill(self) -> set[Key]:
        """Bring everything here for the first time; returns the models there are. Raises what `refresh` does."""
        models = {key for kind in self._kept for key in self.refresh(kind)}
        with self._lock:
            self._owed.clear()
        self.filled = True
        return models

    def deaf(self) -> str | None:
        """Say which watch owes what a listing showed long ago; None while all of them can be trusted."""
        now = self._timer()
        with self._lock:
            late = [(kind, name) for (kind, _, name), (_, at) in self._owed.items() if now - at > _PATIENCE_SECONDS]
        if not late:
            return None
        kind, name = late[0]
        return f"the watch of {kind.plural} has not told of {name} for {_PATIENCE_SECONDS:g} s"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is watched."""
        return tuple(self._kept)

    def _keep(self, kind: Kind, document: Object, *, owed: bool = False) -> bool:
        """Have this copy if it is newer than ours; whether it was. If so, the watch may owe it from now on."""
        namespace, name, revision = _identity(document)
        metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
        kept = _Kept(revision, model_of(kind, document), orjson.dumps({**document, "metadata": metadata}))
        place = (kind, namespace, name)
        with self._lock:
            known = self._kept[kind].get(namespace, {}).get(name)
            if revision <= max(known.revision if known else -1, self._gone.get(place, -1)):
                return False
            if known is not None and known.model != kept.model:
                self._unname((kind, namespace, known.model), name)
            self._kept[kind][namespace][name] = kept
            self._named[kind, namespace, kept.model][name] = None
            self._gone.pop(place, None)
            if owed:
                self._owed.setdefault(place, (revision, self._timer()))
            return True

    def _unname(self, belongs: tuple[Kind, str, str | None], name: str) -> None:
        del self._named[belongs][name]
        if not self._named[belongs]:
            del self._named[belongs]

    def _revisions(self, kind: Kind) -> dict[tuple[str, str], int]:
        with self._lock:
            self._gone = {place: revision for place, revision in self._gone.items() if place[0] != kind}
            return {
                (namespace, name): kept.revision
                for namespace, inside in self._kept[kind].items()
                for name, kept in inside.items()
            }


class MirroredNamespace:
    """What a shell asks instead of a `KubeApi`; what is not watched is passed on to it. Threads may share it."""

    def __init__(self, mirror: Mirror, api: KubeApi) -> None:
        self.namespace = api.namespace
        self._mirror = mirror
        self._api = api

    def list(
        self, kind: Kind, selector: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        """See `KubeApi.list`; of a watched kind, by labels and by the model alone."""
        wanted = (selector or {}).items()
        model = (fields or {}).get(MODEL_FIELD) or (selector or {}).get(MODEL)
        found = self._mirror.inside(self.namespace, kind, model)
        if found is None:
            return self._api.list(kind, selector, fields)
        return [each for each in found if wanted <= each["metadata"].get("labels", {}).items()]

    def get(self, kind: Kind, name: str) -> Object | None:
        """See `KubeApi.get`."""
        if kind not in self._mirror.kinds:
            return self._api.get(kind, name)
        return self._mirror.one(self.namespace, kind, name)

    def renew(self, kind: Kind, name: str) -> None:
        """Ask the API for an object of a watched kind, whatever the watch has told of it so far."""
        # By a list: who watches a kind may list it, and needs no further right.
        for found in self._api.list(kind, fields={"metadata.name": name}):
            self._mirror.wrote(kind, found)

    def apply(self, kind: Kind, manifest: Object) -> Object:
        """See `KubeApi.apply`."""
        return self._mirror.wrote(kind, self._api.apply(kind, manifest))

    def create(self, kind: Kind, manifest: Object) -> Object | None:
        """See `KubeApi.create`."""
        made = self._api.create(kind, manifest)
        return None if made is None else self._mirror.wrote(kind, made)

    def replace_status(self, kind: Kind, document: Object) -> Object:
        """See `KubeApi.replace_status`."""
        return self._mirror.wrote(kind, self._api.replace_status(kind, document))

    def merge(self, kind: Kind, name: str, change: Object) -> Object | None:
        """See `KubeApi.merge`."""
        changed = self._api.merge(kind, name, change)
        if changed is None:
            self._mirror.lost(kind, self.namespace, name)
            return None
        if "deletionTimestamp" in changed["metadata"] and not changed["metadata"].get("finalizers"):
            self._mirror.lost(kind, self.namespace, name, int(changed["metadata"]["resourceVersion"]))
            return changed
        return self._mirror.wrote(kind, changed)

    def delete(self, kind: Kind, name: str) -> None:
        """See `KubeApi.delete`. It stays in sight until the watch says that it is gone."""
        self._api.delete(kind, name)


def _identity(document: Object) -> tuple[str, str, int]:
    metadata = document["metadata"]
    return metadata["namespace"], metadata["name"], int(metadata["resourceVersion"])


def _key(kind: Kind, document: Object) -> Key | None:
    model = model_of(kind, document)
    return None if model is None else Key(document["metadata"]["namespace"], model)
