"""A copy of what the API holds of the watched kinds, so that looking costs the API nothing.

Events of the watches and the answers to our own writes keep it; whoever is newer wins, so what was just written is read
back at once. From time to time everything is listed and compared: what a watch ought to have told and did not is
mended, and said by `deaf`, for a watch may die without a word.

Documents are kept as bytes: a ModelVersion that ended long ago should cost some kilobytes and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import orjson

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
    """What a shell asks instead of a `KubeApi`; what is not watched is passed on to it. Threads may share it.

    `timer` returns seconds that never go back.
    """

    def __init__(self, api: KubeApi, watched: Iterable[Kind], timer: Callable[[], float]) -> None:
        self.namespace = api.namespace
        self._api = api
        self._timer = timer
        self._lock = Lock()
        self._kept: dict[Kind, dict[str, _Kept]] = {kind: {} for kind in watched}
        self._gone: dict[tuple[Kind, str], int] = {}
        self._owed: dict[tuple[Kind, str], tuple[int, float]] = {}
        self.filled = False

    def list(
        self, kind: Kind, selector: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        """See `KubeApi.list`; of a watched kind, by labels and by the model alone."""
        if kind not in self._kept:
            return self._api.list(kind, selector, fields)
        wanted = (selector or {}).items()
        model = (fields or {}).get(MODEL_FIELD) or (selector or {}).get(MODEL)
        with self._lock:
            kept = [each for each in self._kept[kind].values() if model in (None, each.model)]
        found = [orjson.loads(each.document) for each in kept]
        return [each for each in found if wanted <= each["metadata"].get("labels", {}).items()]

    def get(self, kind: Kind, name: str) -> Object | None:
        """See `KubeApi.get`."""
        if kind not in self._kept:
            return self._api.get(kind, name)
        with self._lock:
            kept = self._kept[kind].get(name)
        return None if kept is None else orjson.loads(kept.document)

    def apply(self, kind: Kind, manifest: Object) -> Object:
        """See `KubeApi.apply`."""
        return self._written(kind, self._api.apply(kind, manifest))

    def create(self, kind: Kind, manifest: Object) -> Object | None:
        """See `KubeApi.create`."""
        made = self._api.create(kind, manifest)
        return None if made is None else self._written(kind, made)

    def replace_status(self, kind: Kind, document: Object) -> Object:
        """See `KubeApi.replace_status`."""
        return self._written(kind, self._api.replace_status(kind, document))

    def merge(self, kind: Kind, name: str, change: Object) -> Object | None:
        """See `KubeApi.merge`."""
        changed = self._api.merge(kind, name, change)
        if changed is None:
            self._forget(kind, name)
            return None
        if "deletionTimestamp" in changed["metadata"] and not changed["metadata"].get("finalizers"):
            self._forget(kind, name, int(changed["metadata"]["resourceVersion"]))
            return changed
        return self._written(kind, changed)

    def delete(self, kind: Kind, name: str) -> None:
        """See `KubeApi.delete`. It stays in sight until the watch says that it is gone."""
        self._api.delete(kind, name)

    def saw(self, kind: Kind, what: str | None, document: Object) -> str | None:
        """Take in an event of a watch; returns the model that it is news for, None where it is none."""
        name, revision = document["metadata"]["name"], int(document["metadata"]["resourceVersion"])
        with self._lock:
            owed = self._owed.get((kind, name))
            if owed is not None and owed[0] <= revision:
                del self._owed[kind, name]
        if what != "DELETED":
            return model_of(kind, document) if self._keep(kind, document) else None
        return self._forget(kind, name, revision)

    def refresh(self, kind: Kind) -> set[str]:
        """List and compare; returns the models that it was news for.

        Raises Transient where the API does not answer, Permanent where the cluster lacks the kind.
        """
        news: set[str | None] = set()
        there: set[str] = set()
        before = self._revisions(kind)
        for document in self._api.snapshot(kind, None if kind in OURS else MODEL):
            name = document["metadata"]["name"]
            there.add(name)
            if self._keep(kind, document, owed=True):
                news.add(model_of(kind, document))
        # What appeared or changed since the listing began is none of its business.
        for name, revision in before.items():
            if name not in there:
                news.add(self._forget(kind, name, revision))
        return {each for each in news if each is not None}

    def fill(self) -> set[str]:
        """Bring everything here for the first time; returns the models there are. Raises what `refresh` does."""
        models = {model for kind in self._kept for model in self.refresh(kind)}
        with self._lock:
            self._owed.clear()
        self.filled = True
        return models

    def deaf(self) -> str | None:
        """Say which watch owes what a listing showed long ago; None while all of them can be trusted."""
        now = self._timer()
        with self._lock:
            late = [(kind, name) for (kind, name), (_, at) in self._owed.items() if now - at > _PATIENCE_SECONDS]
        if not late:
            return None
        kind, name = late[0]
        return f"the watch of {kind.plural} has not told of {name} for {_PATIENCE_SECONDS:g} s"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is watched."""
        return tuple(self._kept)

    def _written(self, kind: Kind, document: Object) -> Object:
        if kind in self._kept:
            self._keep(kind, document)
        return document

    def _keep(self, kind: Kind, document: Object, *, owed: bool = False) -> bool:
        """Have this copy if it is newer than ours; whether it was. If so, the watch may owe it from now on."""
        metadata = document["metadata"]
        name, revision = metadata["name"], int(metadata["resourceVersion"])
        slim = {**document, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
        kept = _Kept(revision, model_of(kind, document), orjson.dumps(slim))
        with self._lock:
            known = self._kept[kind].get(name)
            if revision <= max(known.revision if known else -1, self._gone.get((kind, name), -1)):
                return False
            self._kept[kind][name] = kept
            self._gone.pop((kind, name), None)
            if owed:
                self._owed.setdefault((kind, name), (revision, self._timer()))
            return True

    def _forget(self, kind: Kind, name: str, revision: int | None = None) -> str | None:
        """It is gone, as of `revision` if that is known; returns the model that this is news for.

        An older word about it, on its way still, does not bring it back.
        """
        with self._lock:
            known = self._kept.get(kind, {}).get(name)
            if known is None or (revision is not None and revision < known.revision):
                return None
            del self._kept[kind][name]
            self._owed.pop((kind, name), None)
            self._gone[kind, name] = max(known.revision, revision or 0)
            return known.model

    def _revisions(self, kind: Kind) -> dict[str, int]:
        with self._lock:
            self._gone = {key: revision for key, revision in self._gone.items() if key[0] != kind}
            return {name: kept.revision for name, kept in self._kept[kind].items()}
