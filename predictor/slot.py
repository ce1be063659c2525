"""Which versions are served, and which of them answers whom.

A new split is one assignment: requests under way finish on the model they began with.

A user is at a point in [0, 100) that follows from the user's id and the newest version. The newest version owns
[0, weight): a growing weight only adds users, and a rollback sends exactly those users back that had come. Each version
salts the point anew, so that it is not always the same users who try what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from mlops.errors import Invalid, Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.recommendation import ServedModel

ALL = 100
_POINTS = 1 << 64


class NotServing(Transient):
    """No model is loaded (yet)."""


@dataclass(frozen=True, slots=True)
class Share:
    """A model and the percentage of users that it answers, 1 to 100."""

    served: ServedModel
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """The split, base first; why the last attempt to load failed, if it did; whether serving was ended on purpose."""

    shares: tuple[Share, ...] = ()
    failure: str | None = None
    cleared: bool = False

    @property
    def served(self) -> ServedModel | None:
        """The base: the model of all users that no newer one has."""
        return self.shares[0].served if self.shares else None

    @property
    def silence(self) -> str:
        """Why nothing is served, where nothing is."""
        if self.failure is not None:
            return f"loading failed: {self.failure}"
        return "no version is in production" if self.cleared else "still loading"


class Slot:
    """Holds the split of users among served models. Safe to read and change from any thread."""

    def __init__(self) -> None:
        self._state = SlotState()
        self._lock = Lock()

    @property
    def state(self) -> SlotState:
        """One consistent view: never the models of one moment with the failure of another."""
        return self._state

    @property
    def serving(self) -> bool:
        """Whether a question would be answered now."""
        return bool(self._state.shares)

    @property
    def weights(self) -> dict[str, int]:
        """The split as it is applied: version to percent, base first."""
        return {share.served.version: share.weight for share in self._state.shares}

    def current(self) -> ServedModel:
        """Return the base.

        Raises NotServing.
        """
        return _shares(self._state)[0].served

    def choose(self, user: str) -> ServedModel:
        """Return the model that answers `user`; keep it for the whole request, so that one answer has one version.

        Raises NotServing.
        """
        base, *newcomers = _shares(self._state)
        # Of several newcomers the newest chooses first, and each older one among those who are left.
        left = ALL
        for share in reversed(newcomers):
            if _point(user, share.served.version) * left < share.weight * _POINTS:
                return share.served
            left -= share.weight
        return base.served

    def serve(self, shares: Sequence[Share]) -> None:
        """Replace the whole split: base first, newcomers after it, the newest last.

        Raises Invalid unless the weights are 1 to 100 and sum to 100, all of one model, each version once.
        """
        _check(shares)
        with self._lock:
            self._state = SlotState(shares=tuple(shares))

    def swap(self, served: ServedModel) -> ServedModel | None:
        """Serve `served` alone from now on and return what was the base before."""
        with self._lock:
            previous = self._state.served
            self._state = SlotState(shares=(Share(served, ALL),))
        return previous

    def fail(self, reason: str) -> None:
        """Note that loading failed; what is served stays served."""
        with self._lock:
            self._state = SlotState(shares=self._state.shares, failure=reason, cleared=self._state.cleared)

    def clear(self) -> None:
        """Serve nothing from now on."""
        with self._lock:
            self._state = SlotState(cleared=True)


def _shares(state: SlotState) -> tuple[Share, ...]:
    if not state.shares:
        raise NotServing(
            f"no model is served: {state.silence}",
            hint="ask again in a few seconds; GET /health says what it waits for",
        )
    return state.shares


def _point(user: str, version: str) -> int:
    """Return where `user` stands for `version`: uniform in [0, 2^64), in every process the same."""
    # A version holds no NUL, so that no other pair gives the same text.
    return int.from_bytes(sha256(f"{version}\0{user}".encode("utf-8", "surrogatepass")).digest()[:8])


def _check(shares: Sequence[Share]) -> None:
    split = ", ".join(f"{share.served.version} {share.weight} %" for share in shares) or "nothing"
    weights = [share.weight for share in shares]
    if any(not 1 <= weight <= ALL for weight in weights) or sum(weights) != ALL:
        raise Invalid(f"weights must be 1 to 100 and sum to 100: {split}", hint="to serve nothing, clear the slot")
    if len({share.served.version for share in shares}) < len(shares):
        raise Invalid(f"each version may have one share: {split}")
    if len({share.served.name for share in shares}) > 1:
        raise Invalid(f"all shares must be of one model: {', '.join(share.served.name for share in shares)}")
