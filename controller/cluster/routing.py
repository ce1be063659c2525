"""Who is sent where: the one HTTPRoute of a model, weights over the Services of its versions; or one Service. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controller.cluster.kinds import MODEL, PURPOSE, ROUTES, SERVICES, predictor_name
from controller.cluster.pods import owned_by
from controller.cluster.serving import GRPC_PORT, HTTP_PORT, ISVC
from controller.resource.meta import version_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controller.cluster.pods import Object
    from controller.resource.meta import Meta

TRAFFIC = "traffic"
_SETTLED = {"Accepted", "ResolvedRefs"}
_ALL = "/"
# What the controller answers beside the predictors.
_REGISTRY = ("/models", "/retrain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Where users come in: a host of a Gateway (NAMESPACE/NAME). `api` is the Service that answers for the registry."""

    hostname: str
    gateway: str
    api: str | None = None


def http_route(owner: Meta, weights: Mapping[str, int], entrance: Entrance) -> Object:
    """Return the route of a Model that splits its host. Versions with weight 0 stay out of it."""
    model = owner.name
    namespace, _, name = entrance.gateway.rpartition("/")
    parent = {"name": name, **({"namespace": namespace} if namespace else {})}
    backends = [
        {"name": predictor_name(version_name(model, version)), "port": 80, "weight": weight}
        for version, weight in sorted(weights.items())
        if weight > 0
    ]
    rules: list[Object] = [{"matches": [_path(_ALL)], "backendRefs": backends}]
    if entrance.api is not None:
        beside = {"matches": [_path(each) for each in _REGISTRY], "backendRefs": [{"name": entrance.api, "port": 80}]}
        rules.append(beside)
    return {
        "apiVersion": ROUTES.api_version,
        "kind": ROUTES.kind,
        "metadata": _metadata(owner),
        "spec": {"parentRefs": [parent], "hostnames": [entrance.hostname], "rules": rules},
    }


def weights_of(route: Object | None, owner: Meta, versions: Iterable[str], entrance: Entrance) -> dict[str, int] | None:
    """Read the split back; None as long as the Gateway has not taken up the route as it is now.

    A route that is not as it was written counts as none, whatever the Gateway makes of it: then it is written anew.
    """
    if route is None:
        return {}
    weights = split_of(route, owner.name, versions)
    if not _holds(route["spec"], http_route(owner, weights, entrance)["spec"]):
        return {}
    return weights if _programmed(route) else None


def split_of(route: Object | None, model: str, versions: Iterable[str]) -> dict[str, int]:
    """Read the weights that stand in a route, whoever wrote them."""
    names = {predictor_name(version_name(model, version)): version for version in versions}
    return {
        names.get(backend["name"], backend["name"]): backend.get("weight", 1)
        for rule in (route["spec"].get("rules", []) if route is not None else [])
        if rule.get("matches") == [_path(_ALL)]
        for backend in rule.get("backendRefs", [])
        if backend.get("weight", 1) > 0
    }


def traffic_service(owner: Meta, version: str) -> Object:
    """Return the Service that gives all users to one version, where there is no Gateway to split them."""
    return {
        "apiVersion": SERVICES.api_version,
        "kind": SERVICES.kind,
        "metadata": _metadata(owner),
        "spec": {
            "selector": {ISVC: version_name(owner.name, version)},
            "ports": [
                {"name": "http", "port": 80, "targetPort": HTTP_PORT},
                {"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT, "appProtocol": "kubernetes.io/h2c"},
            ],
        },
    }


def chosen_by(service: Object | None, model: str, versions: Iterable[str]) -> dict[str, int]:
    """Read back whom a Service leads to."""
    if service is None:
        return {}
    names = {version_name(model, version): version for version in versions}
    name = service["spec"].get("selector", {}).get(ISVC, "")
    return {names.get(name, name): 100}


def _metadata(owner: Meta) -> Object:
    return {"name": owner.name, "labels": {MODEL: owner.name, PURPOSE: TRAFFIC}, "ownerReferences": [owned_by(owner)]}


def _holds(stored: Any, wished: Any) -> bool:
    """Whether everything that is wished is there; what the API adds by default does not matter."""
    if isinstance(wished, dict):
        return isinstance(stored, dict) and all(_holds(stored.get(name), each) for name, each in wished.items())
    if isinstance(wished, list):
        return isinstance(stored, list) and len(stored) == len(wished) and all(map(_holds, stored, wished))
    return bool(stored == wished)


def _path(prefix: str) -> Object:
    return {"path": {"type": "PathPrefix", "value": prefix}}


def _programmed(route: Object) -> bool:
    generation = route["metadata"]["generation"]
    parents = route.get("status", {}).get("parents", [])
    return any(
        {each["type"] for each in parent["conditions"]
         if each["status"] == "True" and each.get("observedGeneration", generation) == generation} >= _SETTLED
        for parent in parents
    )  # fmt: skip
