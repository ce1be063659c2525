"""The registry as the served process sees it: there from the first second, answering once MLflow has started."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from mlops.errors import Transient
from predictor.ports import Component

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.model_registry import ModelRegistry
    from mlops.registry.values import RegisteredVersion


class RegistryView:
    """Hands every question on to the registry that `connect` brings; before that, a Transient that says so."""

    def __init__(self) -> None:
        self._registry: ModelRegistry | None = None
        self._failure = "the registry is still starting"
        self._settled = Event()

    def connect(self, registry: ModelRegistry) -> None:
        """Answer from `registry` from now on."""
        self._registry = registry
        self._settled.set()

    def fail(self, reason: str) -> None:
        """Say `reason` from now on: the registry did not start."""
        self._failure = reason
        self._settled.set()

    def wait(self) -> ModelRegistry:
        """Wait for the registry; raises Transient when it failed to start."""
        self._settled.wait()
        return self.registry()

    def registry(self) -> ModelRegistry:
        """Return the registry; raises Transient while there is none."""
        if self._registry is None:
            raise Transient(self._failure, hint="ask again in a few seconds")
        return self._registry

    def list(self) -> Sequence[RegisteredVersion]:
        """Return every version of every model."""
        return self.registry().list_versions()

    def production(self, model: str) -> RegisteredVersion | None:
        """Return the version of `model` in production, or None."""
        return self.registry().production(model)

    def probe(self) -> Component:
        """Tell whether the registry answers, for GET /health."""
        try:
            versions = self.registry().list_versions()
        except Transient as error:
            return Component(status="degraded", reason=error.message)
        return Component(status="ok", reason=f"{len(versions)} versions registered")
