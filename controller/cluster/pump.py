"""kopf as the pump: every event of our kinds, and of what we made, puts the model's name into the queue. No more.

Handlers of this sort leave nothing on the objects: no finalizer, no annotation (one on an InferenceService would
restart its pods). The only module that knows kopf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kopf

from controller.cluster.kinds import (
    APPROVALS,
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    JOBS,
    MODEL,
    MODELS,
    ROUTES,
    VERSIONS,
)

if TYPE_CHECKING:
    from controller.cluster.kinds import Kind
    from controller.cluster.work_queue import WorkQueue

# A watch that is silent for so long is asked for anew: a connection may die without a word.
_WATCH_SECONDS, _IDLE_SECONDS = 120, 150
_IDENTITY: Any = "recipe-recommender"


def run(queue: WorkQueue, namespace: str, *, health_port: int, kubeconfig: str | None) -> None:
    """Watch until SIGTERM or SIGINT, which kopf takes; in the main thread."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.watching.server_timeout = _WATCH_SECONDS
        settings.watching.client_timeout = _IDLE_SECONDS
        settings.posting.enabled = False  # Events are written by the shell, by name
        settings.scanning.disabled = True  # our CRDs are there before us: no right to list all of them is needed

    def watch(kind: Kind, *, made: bool) -> None:
        labels = {MODEL: kopf.PRESENT} if made else None

        @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, labels=labels)
        def changed(body: kopf.Body, **_: Any) -> None:
            if (model := model_of(body)) is not None:
                queue.add(model)

    for ours in (MODELS, VERSIONS, APPROVALS):
        watch(ours, made=False)
    for made in (INFERENCE_SERVICES, DEPLOYMENTS, ROUTES, JOBS):
        watch(made, made=True)

    @kopf.on.login(registry=registry)
    def login(**arguments: Any) -> Any:
        return kopf.login_with_kubeconfig(**arguments) if kubeconfig else kopf.login_with_service_account(**arguments)

    kopf.run(
        registry=registry,
        namespaces=[namespace],
        standalone=True,
        identity=_IDENTITY,  # by default the user's name, and user 65532 has none
        liveness_endpoint=f"http://0.0.0.0:{health_port}/healthz" if health_port else None,
    )


def model_of(body: Any) -> str | None:
    """Return the name of the model that an object belongs to, None where it says none."""
    metadata, spec = body.get("metadata") or {}, body.get("spec") or {}
    if body.get("kind") == MODELS.kind:
        return metadata.get("name")
    labelled = (metadata.get("labels") or {}).get(MODEL)
    named = labelled or spec.get("model")
    return named if isinstance(named, str) else None
