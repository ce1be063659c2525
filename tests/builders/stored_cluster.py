"""A toy world's state in a namespace, as the controller would have left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.cluster.kinds import APPROVALS, MODELS, ROUTES, VERSIONS
from controller.cluster.routing import Entrance, http_route
from controller.resource.parse import dump, read

if TYPE_CHECKING:
    from controller.cluster.api import KubeApi
    from tests.toyworld.toy_world import ToyWorld


def store(world: ToyWorld, api: KubeApi) -> None:
    """Write resources with their statuses, and the route that splits the users."""
    for kind, each in (
        (MODELS, world.model), *((VERSIONS, version) for version in world.versions.values()),
        *((APPROVALS, approval) for approval in world.approvals),
    ):  # fmt: skip
        document: dict[str, Any] = dump(each)
        status = document.pop("status", None)
        document["metadata"] = {"name": each.meta.name}
        stored = api.create(kind, document)
        if stored is not None and status is not None:
            api.replace_status(kind, stored | {"status": status})
    owner = read(api.get(MODELS, world.model.name))
    entrance = Entrance(hostname="recipes.example", gateway="gateway/recipes")
    api.create(ROUTES, http_route(owner.meta, world.platform.traffic, entrance))
