"""What `kubectl recipes` works on: one model in a namespace of a cluster, as the caller may see and change it."""

from __future__ import annotations

import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from controller.cluster.key import Key
from controller.cluster.kinds import APPROVALS, EVENTS, MODELS, PODS, ROUTES, SCOPE, SERVICES, VERSIONS
from controller.cluster.recording import records_of
from controller.cluster.routing import chosen_by, split_of
from controller.cluster.telling import REPORTER
from controller.cluster.world import resources_of
from controller.resource.approval import ModelApproval
from controller.resource.meta import API_VERSION, version_name
from controller.resource.model import Model
from controller.resource.parse import parse, read
from controller.resource.version import ModelVersion
from mlops.cli.state import State
from mlops.embedded.records import Notice
from mlops.embedded.resources import Applied, Change, named
from mlops.errors import Conflict, Invalid, NotFound, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from controller.cluster.api import KubeApi, Object
    from controller.cluster.kinds import Kind
    from controller.cluster.world import Resources
    from controller.replay import Record
    from controller.resource.version import Intent

_KINDS: dict[type[Model | ModelVersion | ModelApproval], Kind] = {
    Model: MODELS,
    ModelVersion: VERSIONS,
    ModelApproval: APPROVALS,
}
CONTROLLER = {"app.kubernetes.io/name": "recipe-recommender", "app.kubernetes.io/component": "controller"}
OF_ALL = {**CONTROLLER, SCOPE: "cluster"}


class ClusterResources:
    """The resources of one model in the cluster: see `mlops.embedded.resources.Resources`, which does the same.

    What was read holds until something is written by it, or `look_again` is called.
    """

    def __init__(self, api: KubeApi, model: str) -> None:
        self._api = api
        self._model = model
        self._seen: Resources | None = None

    def look_again(self) -> None:
        """Read anew at the next question."""
        self._seen = None

    def apply(self, manifest: Mapping[str, Any], *, by: str) -> Applied:  # noqa: ARG002 - the API knows who calls
        """Create it, or change what the manifest names. Raises InvalidManifest, and what the API refuses with.

        A new approval is created and never patched: the role for approving is not one for changing approvals.
        """
        wanted = parse(manifest)
        kind = _KINDS[type(wanted)]
        document: Object = {
            "apiVersion": API_VERSION,
            "kind": kind.kind,
            "metadata": {**(manifest.get("metadata") or {}), "name": wanted.meta.name},
            "spec": manifest.get("spec") or {},
        }
        before = self._api.get(kind, wanted.meta.name)
        self.look_again()
        if before is None and kind is APPROVALS:
            after = self._api.create(kind, document)
            if after is None:
                raise Transient(f"{kind.kind} {wanted.meta.name} was created meanwhile")
        else:
            after = self._api.apply(kind, document)
        return Applied(resource=read(after), change=_change(before, after))

    def patch_model(self, spec: Mapping[str, Any], *, by: str) -> Applied:  # noqa: ARG002 - as above
        """Change fields of the Model's spec; None takes one back to its default."""
        return self._patch(MODELS, self._model, dict(spec))

    def set_intent(self, version: str, intent: Intent) -> Applied:
        """Move a version's one lever. Raises NotFound, and Conflict for a version that is being deleted."""
        found = self.version(version)
        if found.meta.deleting:
            raise Conflict(f"{found.name} is being deleted", hint="wait until it is gone, then apply again")
        return self._patch(VERSIONS, found.name, {"intent": str(intent)})

    def delete(self, kind: type[Model | ModelVersion | ModelApproval], name: str) -> None:
        """Ask for a deletion: the object stays until the controller releases it."""
        self.look_again()
        self._api.delete(_KINDS[kind], name)

    def model(self) -> Model | None:
        """The Model, once there is one."""
        return self._all().model

    def version(self, version: str) -> ModelVersion:
        """One version by its number or its object's name. Raises NotFound, naming those that there are."""
        return named(self.versions(), version, self._model)

    def versions(self) -> tuple[ModelVersion, ...]:
        """Every ModelVersion, in the order in which they were created."""
        return self._all().versions

    def approvals(self) -> tuple[ModelApproval, ...]:
        """Every ModelApproval, in the order in which they were given."""
        return self._all().approvals

    def _all(self) -> Resources:
        if self._seen is None:
            self._seen = resources_of(self._api, self._model)
        return self._seen

    def _patch(self, kind: Kind, name: str, spec: dict[str, Any]) -> Applied:
        before = self._api.get(kind, name)
        self.look_again()
        after = self._api.merge(kind, name, {"spec": spec})
        if after is None:
            raise NotFound(f"there is no {kind.kind} {name}", hint="recipes get")
        return Applied(resource=read(after), change=_change(before, after))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState(State):
    """A namespace, and the model in it that the caller means; `flags` connect kubectl in the same way.

    `log` is a file of the controller's log, `-` for what comes in; None: what its pods still have of it.
    """

    resources: ClusterResources
    api: KubeApi
    name: str
    flags: tuple[str, ...] = ()
    log: Path | None = None

    @property
    def asleep(self) -> str | None:
        """See `State`: whoever may not see pods is not told."""
        try:
            pods = self._controllers()
        except Permanent:
            return None
        return None if any(map(_ready, pods)) else "the controller"

    def traffic(self) -> dict[str, int]:
        """See `State`: as it stands in the route, or in the Service where there is no Gateway."""
        numbers = [each.spec.version for each in self.resources.versions()]
        try:
            return split_of(self.api.get(ROUTES, self.name), self.name, numbers) or chosen_by(
                self.api.get(SERVICES, self.name), self.name, numbers
            )
        except Permanent:  # a cluster without Gateway API, or a caller who may not see it
            return {each.spec.version: each.status.weight for each in self.resources.versions()
                    if each.status is not None and each.status.weight}  # fmt: skip

    def notices(self, version: str | None = None) -> Sequence[Notice]:
        """See `State`: the Events that the cluster has not forgotten yet, an hour's as a rule.

        That the caller may not see them is the one notice then.
        """
        numbers = {each.name: each.spec.version for each in self.resources.versions()}
        about = {self.name: None, **numbers} if version is None else {version_name(self.name, version): version}
        try:
            found = self.api.list(EVENTS, fields={"reportingController": REPORTER})
        except Permanent as fault:
            return [Notice(at=self.now, version=version, reason="NotShown", message=fault.message, warning=True)]
        events = [each for each in found if each["regarding"]["name"] in about]
        return sorted(
            (_notice(each, about[each["regarding"]["name"]]) for each in events), key=lambda notice: notice.at
        )

    def decisions(self, version: str) -> Sequence[Record]:
        """See `State`: those that the controller's log still tells of."""
        found = records_of(self._said(), Key(self.api.namespace, self.name), version)
        if not found:
            raise NotFound(
                f"the controller's log tells of no decision about {version}",
                hint="where logs are kept longer, name a file of them: --log FILE, or - for standard input",
            )
        return found

    def _said(self) -> Iterator[str]:
        """The lines of the controller's log: of each replica, and of what it was before it last started."""
        if self.log is not None:
            yield from (sys.stdin if str(self.log) == "-" else _lines(self.log))
            return
        for pod in self._controllers():
            api, name = self.api.within(pod["metadata"]["namespace"]), pod["metadata"]["name"]
            for previous in (True, False):
                with suppress(NotFound, Invalid):  # it is the first, or gone meanwhile
                    yield from api.log(name, "controller", previous=previous).splitlines()

    def _controllers(self) -> list[Object]:
        """The pods of the controller that keeps this namespace: its own, else one that keeps all.

        Raises Permanent where the caller may not look.
        """
        return self.api.list(PODS, CONTROLLER) or self.api.within("").list(PODS, OF_ALL)

    def changed(self) -> object:
        """See `State`: a new object each time, and everything is read anew."""
        self.resources.look_again()
        return object()

    def together(self) -> AbstractContextManager[object]:
        """See `State`: the API writes one object at a time; the controller takes them as they come."""
        return nullcontext()


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as fault:
        raise NotFound(f"{log} cannot be read: {fault.strerror}", hint="--log names a file of log lines") from fault


def cluster_state(
    api: KubeApi,
    model: str | None,
    now: datetime,
    *,
    make: bool = False,
    flags: tuple[str, ...] = (),
    log: Path | None = None,
) -> ClusterState:
    """The state of a model; None: the only one there is. Raises Invalid where there are several.

    Raises NotFound where there is none, unless something is to be made.
    """
    review = api.review("authentication.k8s.io/v1", "selfsubjectreviews", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
    })  # fmt: skip
    name = model or _only(api, make=make)
    return ClusterState(
        resources=ClusterResources(api, name),
        place=f"namespace {api.namespace}",
        user=review["status"]["userInfo"]["username"],
        now=now,
        api=api,
        name=name,
        flags=flags,
        log=log,
    )


def _only(api: KubeApi, *, make: bool) -> str:
    names: list[str] = sorted(each["metadata"]["name"] for each in api.list(MODELS))
    if make:
        return names[0] if names else ""
    if len(names) > 1:
        raise Invalid(f"namespace {api.namespace} has the Models {', '.join(names)}", hint="name one with --model")
    if not names:
        hint = "kubectl apply a ModelVersion; another namespace is named with --namespace"
        raise NotFound(f"there is no Model in namespace {api.namespace}", hint=hint)
    return names[0]


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _change(before: Object | None, after: Object) -> Change:
    if before is None:
        return Change.CREATED
    same = before["metadata"]["generation"] == after["metadata"]["generation"]
    return Change.UNCHANGED if same else Change.CONFIGURED


def _notice(event: Object, version: str | None) -> Notice:
    return Notice(
        at=datetime.fromisoformat(event["eventTime"]),
        version=version,
        reason=event["reason"],
        message=event.get("note", ""),
        warning=event["type"] == "Warning",
    )
