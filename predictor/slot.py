"""Where the served model is held. A swap is one assignment: requests under way finish on the model they began with."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from mlops.errors import Transient

if TYPE_CHECKING:
    from mlops.recommendation import ServedModel


class NotServing(Transient):
    """No model is loaded (yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """What is served, if anything, and why the last attempt to load failed, if it did."""

    served: ServedModel | None = None
    failure: str | None = None


class Slot:
    """Holds at most one served model. Safe to read and swap from any thread."""

    def __init__(self) -> None:
        self._state = SlotState()
        self._lock = Lock()

    @property
    def state(self) -> SlotState:
        """One consistent view: never the model of one moment with the failure of another."""
        return self._state

    @property
    def serving(self) -> bool:
        """Whether a question would be answered now."""
        return self._state.served is not None

    def current(self) -> ServedModel:
        """Return the served model; keep it for the whole request, so that one answer comes from one version.

        Raises NotServing.
        """
        state = self._state
        if state.served is None:
            message = f"no model is loaded: {state.failure}" if state.failure else "the model is still loading"
            raise NotServing(message, hint="ask again in a few seconds; GET /health says what it waits for")
        return state.served

    def swap(self, served: ServedModel) -> ServedModel | None:
        """Serve `served` from now on and return what was served before."""
        with self._lock:
            previous = self._state.served
            self._state = SlotState(served=served)
        return previous

    def fail(self, reason: str) -> None:
        """Note that loading failed; what is served stays served."""
        with self._lock:
            self._state = SlotState(served=self._state.served, failure=reason)
