"""The Kubernetes API as this product asks it: JSON in and out, and faults of our own kinds.

The only module that knows the client library.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from controller.cluster.kinds import FIELD_MANAGER, PODS
from mlops.errors import Conflict, Invalid, MlopsError, NotFound, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from controller.cluster.kinds import Kind

Object = dict[str, Any]

_SECONDS = 15.0
_PAGE = 500
_REFUSED = 400
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NamespaceGoes(Permanent):
    """Nothing can be made any more in a namespace that is being deleted."""


class KubeApi:
    """One namespace of a cluster, or all of them, to be listed.

    Every method raises Transient where the API does not answer, or is overloaded. `manager` is in whose name fields are
    written; `refused` is what to do where a right is lacking. Threads may share it.
    """

    def __init__(
        self,
        namespace: str,
        api: client.ApiClient,
        answered: Callable[[str, int], None] = lambda _verb, _status: None,
        *,
        manager: str = FIELD_MANAGER,
        refused: str = "the role of the controller lacks a right; compare it with the chart's",
    ) -> None:
        self.namespace = namespace
        self._api = api
        self._answered = answered
        self._manager = manager
        self._refused = refused

    def within(self, namespace: str) -> KubeApi:
        """Return another namespace of the same cluster, by the same connection; "" is all of them."""
        return KubeApi(namespace, self._api, self._answered, manager=self._manager, refused=self._refused)

    def list(
        self, kind: Kind, selector: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Return the objects that bear the labels and fields. Raises Permanent where the cluster lacks the kind."""
        return [each for page in self._pages(kind, selector, fields) for each in page["items"]]

    def snapshot(self, kind: Kind, label: str | None = None) -> Iterator[Object]:
        """Yield all objects of a kind, those with `label` if one is named, a page in memory at a time.

        Raises Permanent where the cluster lacks the kind.
        """
        for page in self._pages(kind, None if label is None else {label: None}, None):
            yield from page["items"]

    def _pages(
        self, kind: Kind, selector: Mapping[str, str | None] | None, fields: Mapping[str, str] | None
    ) -> Iterator[Object]:
        query = {"limit": str(_PAGE)}
        if selector:
            query["labelSelector"] = ",".join(
                key if value is None else f"{key}={value}" for key, value in selector.items()
            )
        if fields:
            query["fieldSelector"] = ",".join(f"{key}={value}" for key, value in fields.items())
        while True:
            try:
                page = self._call("GET", kind.path(self.namespace), query)
            except NotFound as error:
                said = f"the cluster knows no {kind.kind} of {kind.api_version}"
                raise Permanent(said, hint="install what brings it: docs/cluster.md") from error
            yield page
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                return

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return the object, None where there is none."""
        try:
            return self._call("GET", kind.path(self.namespace, name))
        except NotFound:
            return None

    def apply(self, kind: Kind, manifest: Object) -> Object:
        """Make the object be so, as far as the manifest says; what others set beside it stays. Raises Invalid."""
        path = kind.path(self.namespace, manifest["metadata"]["name"])
        query = {"fieldManager": self._manager, "force": "true"}
        return self._call("PATCH", path, query, manifest, "application/apply-patch+yaml")

    def create(self, kind: Kind, manifest: Object) -> Object | None:
        """Create it; None where one of this name exists."""
        try:
            return self._call("POST", kind.path(self.namespace), {"fieldManager": self._manager}, manifest)
        except Conflict:
            return None

    def log(self, pod: str, container: str, *, previous: bool = False) -> str:
        """Return what a container of a pod said, of it or of the one before it as far as the node keeps that.

        Raises NotFound or Invalid where there is none.
        """
        query = {"container": container, "previous": str(previous).lower()}
        return self._send("GET", PODS.path(self.namespace, pod, "log"), query).decode("utf-8", "replace")

    def review(self, api_version: str, plural: str, question: Object) -> Object:
        """Ask what is not stored: whose a token is, who may do what."""
        return self._call("POST", f"/apis/{api_version}/{plural}", {}, question)

    def replace(self, kind: Kind, document: Object) -> Object | None:
        """Write an object as a whole, as it was read; None where somebody wrote since."""
        try:
            return self._call("PUT", kind.path(self.namespace, document["metadata"]["name"]), {}, document)
        except Conflict:
            return None

    def replace_status(self, kind: Kind, document: Object) -> Object:
        """Write the status of an object as it was read. Raises Transient where somebody wrote since."""
        path = kind.path(self.namespace, document["metadata"]["name"], "status")
        try:
            return self._call("PUT", path, {"fieldManager": self._manager}, document)
        except Conflict as error:
            raise Transient(f"{kind.kind} {document['metadata']['name']} changed meanwhile") from error

    def merge(self, kind: Kind, name: str, change: Object) -> Object | None:
        """Change some fields of an object; None where it is gone. Raises Transient where somebody wrote since."""
        try:
            path, query = kind.path(self.namespace, name), {"fieldManager": self._manager}
            return self._call("PATCH", path, query, change, "application/merge-patch+json")
        except NotFound:
            return None
        except Conflict as error:
            raise Transient(f"{kind.kind} {name} changed meanwhile") from error

    def delete(self, kind: Kind, name: str) -> None:
        """Delete it, and in the background what it owns; nothing where it is gone."""
        try:
            self._call("DELETE", kind.path(self.namespace, name), {"propagationPolicy": "Background"})
        except NotFound:
            return

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        data = self._send(method, path, query, body, content_type)
        try:
            found: Object = orjson.loads(data)
        except ValueError as error:
            raise Transient(f"the Kubernetes API answers {method} {path} with no JSON") from error
        return found

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        try:
            answer = self._api.call_api(
                method,
                self._api.configuration.host + path + (f"?{urlencode(query)}" if query else ""),
                header_params={"Accept": "application/json, */*", "Content-Type": content_type, **self._token()},
                body=body,
                _request_timeout=_SECONDS,
            )
            data: bytes = answer.read()  # type: ignore[no-untyped-call]
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            self._answered(method, 0)
            raise Transient(
                f"the Kubernetes API does not answer: {type(error).__name__}",
                hint="look at the API server; with network policies, at the port that they let the controller reach",
            ) from error
        self._answered(method, answer.status)
        if answer.status >= _REFUSED:
            said = f"{method} {path}: {_said(data) or answer.reason}"
            raise NamespaceGoes(said) if _namespace_goes(data) else _fault(answer.status, said, self._refused)
        return data

    def _token(self) -> dict[str, str]:
        # Asked for at each call: a pod's token is renewed every hour.
        return {each["key"]: each["value"] for each in self._api.configuration.auth_settings().values()}


def _said(data: bytes) -> str:
    """The message of a refusal; a path that nobody serves is answered with plain text."""
    try:
        return str(orjson.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _namespace_goes(data: bytes) -> bool:
    """Whether a refusal is for that; it comes as 403, as if a right were lacking."""
    try:
        causes = orjson.loads(data)["details"]["causes"]
        return any(each.get("reason") == "NamespaceTerminating" for each in causes)
    except (ValueError, KeyError, TypeError):
        return False


def _fault(status: int, said: str, refused: str) -> MlopsError:
    match status:
        case 404:
            return NotFound(said)
        case 409:
            return Conflict(said)
        case 400 | 422:
            return Invalid(said)
        case 401 | 403:
            return Permanent(said, hint=refused)
        case _:
            return Transient(said)


def connect(namespace: str | None, kubeconfig: str | None, answered: Callable[[str, int], None]) -> KubeApi:
    """Connect as the pod that this runs in, or by a kubeconfig. Raises Permanent where there is neither.

    `answered` is told the method and the status of each call, 0 where none came.
    """
    try:
        if kubeconfig is None:
            return KubeApi(*_of_the_pod(namespace), answered)
        connection = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]
        return KubeApi(namespace or "default", connection, answered)
    except (config.ConfigException, OSError) as error:
        raise Permanent(f"no way to the Kubernetes API: {error}", hint="run in a pod, or set KUBECONFIG") from error


def _of_the_pod(namespace: str | None) -> tuple[str, client.ApiClient]:
    """The namespace, unset that of the pod that this runs in, and the API as its account may use it."""
    settings = client.Configuration()
    config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
    return namespace or _NAMESPACE.read_text(encoding="utf-8").strip(), client.ApiClient(settings)


def connect_as_caller(*, kubeconfig: str | None, context: str | None, namespace: str | None, manager: str) -> KubeApi:
    """Connect as kubectl does for the person who calls: by the kubeconfig, or in a pod by its account.

    Raises Permanent where there is neither, or the context is unknown.
    """
    hint = "kubectl config get-contexts; name one with --context, or a file with --kubeconfig"
    refused = "ask for one of the roles that the chart brings: their names end in -view, -edit, -approve"
    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
        chosen = active if context is None else next(each for each in contexts if each["name"] == context)
        connection = config.new_client_from_config(kubeconfig, context)  # type: ignore[no-untyped-call]
        named = namespace or chosen["context"].get("namespace") or "default"
        return KubeApi(named, connection, manager=manager, refused=refused)
    except StopIteration:
        raise Permanent(f"the kubeconfig has no context {context}", hint=hint) from None
    except (config.ConfigException, OSError) as error:
        if kubeconfig is None and context is None and _NAMESPACE.exists():
            return KubeApi(*_of_the_pod(namespace), manager=manager, refused=refused)
        raise Permanent(f"no way to the Kubernetes API: {error}", hint=hint) from error
