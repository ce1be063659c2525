"""What a scenario may do and see, whatever the world is made of: a toy in memory, the embedded shell, a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a version does: `quality` is NDCG@10 offline, the rest is what users meet; `_in_production` at 100 % only."""

    quality: float = 0.60
    error_rate: float = 0.0
    latency_ms: float = 50.0
    error_rate_in_production: float | None = None
    artifact: str = "good"  # good, missing, damaged, unreadable, swapped (other bytes are served than were verified)
    starts: bool = True
    evaluation: str = "works"  # works, fails, hangs


class World(Protocol):
    """One model and its versions. Time passes in units: the interval between two checks of the analysis."""

    def seconds(self, units: int) -> int:
        """How many seconds so many units last here; manifests are written with it."""
        ...

    def advance(self, units: int) -> None:
        """Let time pass, users ask and the shell work."""
        ...

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Apply a manifest, as `recipes apply -f` and `kubectl apply -f` do. Raises InvalidManifest."""
        ...

    def set_intent(self, version: str, intent: str) -> None:
        """Change a version's intent."""
        ...

    def patch_model(self, spec: Mapping[str, Any]) -> None:
        """Replace blocks of the Model's spec."""
        ...

    def delete(self, version: str) -> None:
        """Ask for a version's deletion."""
        ...

    def behave(self, version: str, behaviour: Behaviour) -> None:
        """From now on a version does so."""
        ...

    def approve(self, version: str, by: str, *, really: str | None = None) -> None:
        """Approve what the version's status shows now in the name of `by`; who does it may `really` be another."""
        ...

    def reject(self, version: str, by: str) -> None:
        """Reject a version."""
        ...

    def users(self, state: str) -> None:
        """`asking`, or `away`: then there is no traffic at all."""
        ...

    def metrics(self, state: str) -> None:
        """The metrics source is `up`, `down`, says `nan`, or is `stale`."""
        ...

    def registry(self, state: str) -> None:
        """The registry is `up` or `down`."""
        ...

    def jump(self, seconds: int) -> None:
        """The clock is set forward, or back."""
        ...

    def exists(self, version: str) -> bool:
        """Whether the version's object is still there."""
        ...

    def stage(self, version: str) -> str:
        """A version's stage."""
        ...

    def reasons(self, version: str) -> list[str]:
        """The reasons that a version gave for its moves, and the present one last."""
        ...

    def stalled(self, version: str) -> bool:
        """Whether its condition Stalled is True."""
        ...

    def weights(self) -> dict[str, int]:
        """Who answers the users now, in percent."""
        ...

    def alias(self) -> str | None:
        """The version that the registry's champion alias names."""
        ...

    def model_reason(self) -> str:
        """The Model's headline."""
        ...

    def explain(self, version: str) -> str:
        """Why a version is where it is, for the message of a failed scenario."""
        ...
