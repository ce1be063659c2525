"""kopf as the pump: every event of our kinds, and of what we made, is handed on. No more.

Handlers of this sort leave nothing on the objects: no finalizer, no annotation (one on an InferenceService would
restart its pods). The only module that knows kopf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kopf

from controller.cluster.kinds import MODEL, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.cluster.api import Object
    from controller.cluster.kinds import Kind

# A watch in which nothing happens still says so once a minute; one that does not is begun anew.
_IDLE_SECONDS, _CONNECT_SECONDS, _REQUEST_SECONDS = 150.0, 5.0, 30.0
_PAGE = 500
_IDENTITY: Any = "recipe-recommender"


def run(
    kinds: Iterable[Kind],
    saw: Callable[[Kind, str | None, Object], None],
    namespace: str | None,
    *,
    kubeconfig: str | None,
) -> None:
    """Watch a namespace, or all (None), until SIGTERM or SIGINT, which kopf takes; in the main thread.

    `saw` is told of each event its kind, what happened (None: it was there already) and the object; it must not block.
    """
    registry, watched = kopf.OperatorRegistry(), tuple(kinds)

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.watching.inactivity_timeout = _IDLE_SECONDS
        settings.watching.connect_timeout = _CONNECT_SECONDS
        settings.watching.chunk_size = _PAGE
        settings.networking.request_timeout = _REQUEST_SECONDS
        settings.posting.enabled = False  # Events are written by the shell, by name
        settings.scanning.disabled = True  # our CRDs are there before us: no right to list all of them is needed
        for kind in watched:
            if kind not in OURS:  # the API sends what bears our label, and nothing of the cluster's other pods
                settings.watching.label_selectors[kind.group, kind.version, kind.plural] = MODEL

    def watch(kind: Kind) -> None:
        @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
        async def changed(event: kopf.RawEvent, **_: Any) -> None:
            saw(kind, event["type"], dict(event["object"]))

    for kind in watched:
        watch(kind)

    @kopf.on.login(registry=registry)
    def login(**arguments: Any) -> Any:
        return kopf.login_with_kubeconfig(**arguments) if kubeconfig else kopf.login_with_service_account(**arguments)

    kopf.run(
        registry=registry,
        namespaces=[namespace] if namespace else [],
        clusterwide=namespace is None,
        standalone=True,
        identity=_IDENTITY,  # by default the user's name, and user 65532 has none
    )
