"""A registry in memory, with versions in the stages that a test asks for."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import count

from mlops.errors import Conflict, Transient
from mlops.model_registry import ModelRegistry, Stage
from tests.fakes.registry_backend import InMemoryRegistryBackend, nothing

MODEL = "recipes"
PATH_TO = {
    Stage.TRAINING: (),
    Stage.STAGING: (Stage.VALIDATION, Stage.STAGING),
    Stage.PRODUCTION: (Stage.VALIDATION, Stage.STAGING, Stage.PRODUCTION),
    Stage.ARCHIVED: (Stage.ARCHIVED,),
}


class World:
    """A registry in memory with one version per stage asked for, whose clock ticks at each look."""

    def __init__(self, root, **stages):
        self.ticks = count()
        self.open(InMemoryRegistryBackend(root))
        self.artifact = root / "artifact"
        self.artifact.mkdir()
        (self.artifact / "MLmodel").write_text("")
        for number, stage in enumerate(stages.values(), start=1):
            self.register(f"{number}.0.0")
            for step in PATH_TO[stage]:
                self.move(f"{number}.0.0", step)

    def open(self, backend):
        self.backend = backend
        self.registry = ModelRegistry(
            backend,
            lambda: datetime(2026, 7, 1, tzinfo=UTC) + timedelta(seconds=next(self.ticks)),
            lambda: f"{next(self.ticks):06}",
        )

    def copy(self):
        twin = copy(self)
        twin.open(self.backend.copy())
        return twin

    def register(self, version, digest="a"):
        return self.registry.register(
            MODEL,
            version,
            self.artifact,
            digest=f"sha256:{digest * 64}",
            metadata={},
            metrics={},
            params={},
            by="ci",
            why="new",
        )

    def move(self, version, to, *, restore=False):
        return self.registry.transition(MODEL, version, to, by=f"{to} {version}", why="because", restore=restore)

    def attempt(self, version, to, *, restore=False):
        """Move, and tell whether it worked."""
        try:
            self.move(version, to, restore=restore)
        except (Conflict, Transient):
            return False
        return True

    def in_production(self):
        """The versions in production; looking does not count as a step."""
        before, self.backend.before = self.backend.before, nothing
        try:
            return [version.version for version in self.registry.list_versions(MODEL, stage=Stage.PRODUCTION)]
        finally:
            self.backend.before = before

    def steps(self, version):
        return [(event.source, event.target) for event in self.registry.history(MODEL, version)]

    def promotions(self, version):
        return sum(target is Stage.PRODUCTION for _, target in self.steps(version))
