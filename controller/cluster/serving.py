"""One InferenceService per version, and what its Deployment and pods say of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controller.cluster.key import Key
from controller.cluster.kinds import DIGEST, INFERENCE_SERVICES, MODEL, PURPOSE, REVISION, VERSION
from controller.cluster.pods import (
    FEEDBACK,
    POD_SECURITY,
    SCRATCH,
    Object,
    collecting,
    container,
    feedback_volume,
    from_secret,
    of_priority,
    owned_by,
)
from controller.cluster.scaling import autoscaler, scaling
from controller.observation import ServingFact, ServingState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.actions import EnsureServing
    from controller.cluster.settings import Settings
    from controller.resource.meta import Meta
    from controller.resource.model import Amounts, Resources

HTTP_PORT, GRPC_PORT = 8080, 8081
# KServe's own label, on what it makes of an InferenceService.
ISVC = "serving.kserve.io/inferenceservice"
_FETCH_NEVER = 6  # exit code of `mlops.artifact_fetch` where trying again cannot help
_DRAIN_SECONDS, _GRACE_SECONDS = 5, 60
_MOUNT = "/mnt/models"
# KServe would set a whole processor and 2 GiB for each container.
_DEFAULT: Object = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}


def inference_service(action: EnsureServing, settings: Settings, owner: Meta, *, source: str | None) -> Object:
    """Return the manifest of one version. Inside the cluster only: the route of the model leads to it.

    What stands in annotations never changes while the version is served as it is: a change restarts its pods.
    """
    serving, model, key = action.serving, owner.name, Key(owner.namespace, owner.name)
    called = settings.called(key)
    chosen = serving.image or settings.predictor_image
    resources = _resources(serving.resources)
    origin = f"--source={source}" if source else f"--registry={settings.registry}"
    kept = _feedback(settings)
    fetch = container(
        "fetch", chosen, resources, {"artifact": _MOUNT},
        command=["python", "-m", "mlops.artifact_fetch"],
        args=[f"--into={_MOUNT}/artifact", f"--model={called}", f"--version={action.version}",
              f"--digest={action.digest}", origin],
        **from_secret(settings.registry_secret),
    )  # fmt: skip
    ready = {"httpGet": {"path": f"/v2/models/{called}/ready", "port": HTTP_PORT}}
    serve = container(
        "kserve-container", chosen, resources, {"artifact": _MOUNT},
        args=[f"--artifact={_MOUNT}/artifact", f"--model-name={called}", f"--digest={action.digest}"],
        ports=[{"containerPort": HTTP_PORT, "name": "http1"}, {"containerPort": GRPC_PORT, "name": "h2c"}],
        startupProbe={**ready, "periodSeconds": 1, "failureThreshold": 600},
        readinessProbe={**ready, "periodSeconds": 2, "failureThreshold": 2},
        livenessProbe={"httpGet": {"path": "/v2/health/live", "port": HTTP_PORT}, "periodSeconds": 10,
                       "timeoutSeconds": 5},
        # Whoever routes here learns of the end before the server stops listening.
        lifecycle={"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
        env=[
            *kept.env,
            *collecting(settings.otel, f"{called}-predictor",
                        OTEL_RESOURCE_ATTRIBUTES=f"service.version={action.version}"),
        ],
    )  # fmt: skip
    serve["volumeMounts"] += kept.mounts
    return {
        "apiVersion": INFERENCE_SERVICES.api_version,
        "kind": INFERENCE_SERVICES.kind,
        "metadata": {
            "name": action.name,
            "ownerReferences": [owned_by(owner)],
            "labels": {
                "networking.kserve.io/visibility": "cluster-local",
                "app.kubernetes.io/managed-by": "recipe-recommender",
                MODEL: model,
                PURPOSE: "serving",
            },
            "annotations": {
                "serving.kserve.io/deploymentMode": "Standard",
                "serving.kserve.io/autoscalerClass": autoscaler(serving),
                VERSION: action.version,
                DIGEST: action.digest,
                REVISION: action.revision,
            },
        },
        "spec": {
            "predictor": {
                **scaling(serving, key, action.version, settings.prometheus),
                **of_priority(settings.predictor_priority_class),
                # Pods of a version on several nodes, where there are several of both.
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": {ISVC: action.name}},
                    }
                ],
                "terminationGracePeriodSeconds": _GRACE_SECONDS,
                "securityContext": POD_SECURITY,
                "automountServiceAccountToken": False,
                "initContainers": [fetch],
                "containers": [serve],
                "volumes": [SCRATCH, {"name": "artifact", "emptyDir": {"sizeLimit": "4Gi"}}, *kept.volumes],
            }
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    env: list[Object]
    mounts: list[Object]
    volumes: list[Object]


def _feedback(settings: Settings) -> _Kept:
    """Where a pod keeps what users tell it, each in a folder of its own; the salt makes a user the same to all pods."""
    env: list[Object] = []
    if settings.user_salt_secret:
        of = {"secretKeyRef": {"name": settings.user_salt_secret, "key": "salt"}}
        env.append({"name": "PREDICTOR_USER_SALT", "valueFrom": of})
    if not settings.feedback_claim:
        return _Kept(env=env, mounts=[], volumes=[])
    env += [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "PREDICTOR_FEEDBACK_FOLDER", "value": FEEDBACK},
    ]
    mount = {"name": "feedback", "mountPath": FEEDBACK, "subPathExpr": "$(POD_NAME)"}
    return _Kept(env=env, mounts=[mount], volumes=[feedback_volume(settings.feedback_claim)])


def serving_fact(service: Object, deployment: Object | None, pods: Sequence[Object], said: str | None) -> ServingFact:
    """Read how a version is served. `said` is the digest that its version endpoint reports, None where it does not.

    KServe's own Ready condition stays True while a new template rolls out, so the Deployment is read.
    """
    annotations = service["metadata"].get("annotations", {})
    revision = str(annotations.get(REVISION, ""))
    if (reason := _refused(pods)) is not None:
        return ServingFact(state=ServingState.REFUSED, revision=revision, message=reason)
    if deployment is None:
        return ServingFact(state=ServingState.PENDING, revision=revision, message=_waiting(service))
    if not _available(deployment) or said is None:
        answers = deployment.get("status", {}).get("availableReplicas", 0) > 0
        message = _progress(deployment, pods)
        return ServingFact(state=ServingState.PENDING, answers=answers, revision=revision, message=message)
    return ServingFact(state=ServingState.READY, answers=True, digest=said, revision=revision)


def _available(deployment: Object) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")}
    return current and wanted > 0 and counts == {wanted}


def _refused(pods: Sequence[Object]) -> str | None:
    """Why the artefact is refused, where fetching it has ended for good."""
    for pod in pods:
        for status in pod.get("status", {}).get("initContainerStatuses", []):
            for state in (status.get("state", {}), status.get("lastState", {})):
                ended = state.get("terminated", {})
                if ended.get("exitCode") == _FETCH_NEVER:
                    return str(ended.get("message", "")).strip().rpartition("\n")[2][:500]
    return None


def _waiting(service: Object) -> str:
    for condition in service.get("status", {}).get("conditions", []):
        if condition.get("status") == "False" and condition.get("message"):
            return str(condition["message"])[:500]
    return "KServe has made no Deployment yet"


def _progress(deployment: Object, pods: Sequence[Object]) -> str:
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    said = f"{status.get('availableReplicas', 0)} of {wanted} pods are available"
    for pod in pods:
        for container_status in pod.get("status", {}).get("containerStatuses", []):
            waiting: dict[str, Any] = container_status.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
                words = _last_words(container_status) or str(waiting.get("message", ""))
                return f"{said}; {waiting['reason']}: {words}"[:500]
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return f"{said}; {condition.get('message', 'a pod cannot be scheduled')}"[:500]
    return said


def _last_words(status: Object) -> str:
    """What a container said before it ended the last time."""
    ended = status.get("lastState", {}).get("terminated", {})
    return str(ended.get("message", "")).strip().rpartition("\n")[2]


def _resources(resources: Resources) -> Object:
    requests, limits = _amounts(resources.requests), _amounts(resources.limits)
    return {"requests": {**_DEFAULT["requests"], **requests}, "limits": {**_DEFAULT["limits"], **limits}}


def _amounts(amounts: Amounts) -> dict[str, str]:
    given = {"cpu": amounts.cpu, "memory": amounts.memory}
    return {name: value for name, value in given.items() if value is not None}
