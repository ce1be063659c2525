"""What every pod that the controller asks for looks like: no root, nothing writable but /tmp and volumes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.resource.meta import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.resource.meta import Meta

Object = dict[str, Any]

_USER = 65532
POD_SECURITY: Object = {
    "runAsNonRoot": True,
    "runAsUser": _USER,
    "runAsGroup": _USER,
    "fsGroup": _USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
FEEDBACK = "/var/feedback"
# What is a secret, or each process's own, is handed to no pod.
_OWN = ("_HEADERS", "_CLIENT_KEY", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
_SAMPLER = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
SCRATCH: Object = {"name": "scratch", "emptyDir": {"sizeLimit": "4Gi"}}


def owned_by(owner: Meta, kind: str = "Model") -> Object:
    """The reference by which what is made for a resource of ours goes with it."""
    return {"apiVersion": API_VERSION, "kind": kind, "name": owner.name, "uid": owner.uid, "controller": True}


def feedback_volume(claim: str) -> Object:
    """The volume that holds what users tell; it is mounted at FEEDBACK."""
    return {"name": "feedback", "persistentVolumeClaim": {"claimName": claim}}


def from_secret(name: str | None) -> dict[str, list[Object]]:
    """Every key of a Secret as a variable, where one is named: an argument of `container`."""
    return {"envFrom": [{"secretRef": {"name": name}}]} if name else {}


def of_priority(name: str | None) -> dict[str, str]:
    """The PriorityClass of a pod, where one is named: a field of its spec."""
    return {"priorityClassName": name} if name else {}


def container(name: str, image: str, resources: Object, mounts: dict[str, str] | None = None, **rest: Any) -> Object:
    """A container that may write to /tmp and to `mounts` (volume to path); its last words are the pod's message."""
    paths = {"scratch": "/tmp", **(mounts or {})}  # noqa: S108 - a volume of the pod's own
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": _SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources,
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in paths.items()],
        **rest,
    }


def collecting(variables: Mapping[str, str], service: str, **rest: str) -> list[Object]:
    """Where a pod sends spans and metrics: OpenTelemetry's own variables, as the controller has them, and `rest`.

    Where nobody says which requests are traced, a tenth are of those whose callers did not decide.
    """
    given = {name: value for name, value in variables.items() if not name.endswith(_OWN)}
    if not any(name.endswith("_ENDPOINT") for name in given):
        return []
    sampler = {} if "OTEL_TRACES_SAMPLER" in given else _SAMPLER
    found = {**given, **sampler, "OTEL_SERVICE_NAME": service, **rest}
    return [{"name": name, "value": value} for name, value in found.items()]
