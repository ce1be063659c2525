"""The one HTTPRoute of a model: weights over the Services of its versions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.cluster.kinds import MODEL, PURPOSE, ROUTES
from controller.cluster.serving import predictor_name
from controller.resource.meta import version_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controller.cluster.pods import Object

_SETTLED = {"Accepted", "ResolvedRefs"}


def http_route(model: str, weights: Mapping[str, int], *, hostname: str, gateway: str) -> Object:
    """Return the route that splits `hostname`; `gateway` is NAMESPACE/NAME. Versions with weight 0 stay out of it."""
    namespace, _, name = gateway.rpartition("/")
    parent = {"name": name, **({"namespace": namespace} if namespace else {})}
    backends = [
        {"name": predictor_name(version_name(model, version)), "port": 80, "weight": weight}
        for version, weight in sorted(weights.items())
        if weight > 0
    ]
    return {
        "apiVersion": ROUTES.api_version,
        "kind": ROUTES.kind,
        "metadata": {"name": model, "labels": {MODEL: model, PURPOSE: "traffic"}},
        "spec": {"parentRefs": [parent], "hostnames": [hostname], "rules": [{"backendRefs": backends}]},
    }


def weights_of(route: Object | None, model: str, versions: Iterable[str]) -> dict[str, int] | None:
    """Read the split back; None as long as the Gateway has not taken up the route as it is now.

    A backend that belongs to no version that is known counts under its own name: the core then sets the split anew.
    """
    if route is None:
        return {}
    if not _programmed(route):
        return None
    names = {predictor_name(version_name(model, version)): version for version in versions}
    rules = route["spec"].get("rules", [])
    return {
        names.get(backend["name"], backend["name"]): backend.get("weight", 1)
        for rule in rules
        for backend in rule.get("backendRefs", [])
        if backend.get("weight", 1) > 0
    }


def _programmed(route: Object) -> bool:
    generation = route["metadata"]["generation"]
    parents = route.get("status", {}).get("parents", [])
    return any(
        {each["type"] for each in parent["conditions"]
         if each["status"] == "True" and each.get("observedGeneration", generation) == generation} >= _SETTLED
        for parent in parents
    )  # fmt: skip
