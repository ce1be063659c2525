"""What every resource has: its group, the metadata that its store keeps, and the names derived from it."""

from dataclasses import dataclass
from datetime import datetime

GROUP = "mlops.recipe-recommender.io"
API_VERSION = f"{GROUP}/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Identity of a stored object. `created_by` is one that the shell has proved, never one that a manifest claims."""

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    created: datetime | None = None
    created_by: str | None = None
    deleted_at: datetime | None = None

    @property
    def deleting(self) -> bool:
        """True once deletion was asked for; the object stays until it is released."""
        return self.deleted_at is not None


def version_name(model: str, version: str) -> str:
    """Name of a ModelVersion and of all that is made for it: `recipes` and `1.2.0-RC.1` give `recipes-1-2-0-rc-1`.

    It follows from model and version, so that a version cannot exist twice and a repeated act finds its object.
    """
    return f"{model}-{version}".replace(".", "-").replace("+", "-").lower()
