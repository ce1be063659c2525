"""The loop that every shell runs around the core, and the port that it has to fill.

    observe ──► decide ──► perform each action ──► save the Model's status, then the versions' ──► observe …

until a decision changes nothing, or the world needs time to follow. Here it is written for a shell that blocks; one
that awaits does the same in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from controller.decide import decide
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from controller.actions import Action
    from controller.decide import Decision
    from controller.observation import Observation

ROUNDS = 60  # no instant needs half as many; reaching it means that the world undoes what is done


class Shell(Protocol):
    """One model's world."""

    def observe(self) -> Observation:
        """Read everything anew: resources as stored, facts as they are. Raises Transient where reading fails."""
        ...

    def perform(self, action: Action) -> None:
        """Do it, or find it done: actions repeat. Slow things are only started. Raises MlopsError where it fails."""
        ...

    def save(self, observation: Observation, decision: Decision, at: datetime) -> None:
        """Store what changed: the Model's status first, then `decision.changed(observation)`, and the record.

        `at` is the moment that was decided for: decided again for it, the record must come out the same.
        Raises Transient where somebody else wrote meanwhile; then nothing after it is written either.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The loop is at rest: until an event, until `wake_at`, or until it is worth trying again what failed.

    `acts` are the actions that were performed, or tried, in their order; `faults` are those of the last of `rounds`.
    """

    wake_at: datetime | None
    faults: tuple[MlopsError, ...] = ()
    rounds: int = 0
    acts: tuple[Action, ...] = ()


def settle(shell: Shell, clock: Callable[[], datetime]) -> Rest:
    """Decide and act until there is nothing left to do at this moment, or the world needs time to follow.

    What fails is reported, and asked for again the next time; no other act depends on it, for each follows from what is
    observed. Raises Transient from observing or saving, after which simply settling again is right.
    """
    before: Decision | None = None
    faults: tuple[MlopsError, ...] = ()
    acts: tuple[Action, ...] = ()
    for rounds in range(1, ROUNDS + 1):
        observation = shell.observe()
        now = clock()
        decision = decide(observation, now)
        if not decision.changes(observation) or decision.repeats(before):
            return Rest(wake_at=decision.wake_at, faults=faults, rounds=rounds, acts=acts)
        faults = _performed(shell, decision)
        acts += decision.actions
        shell.save(observation, decision, now)
        before = decision
    return Rest(wake_at=before.wake_at if before else None, faults=faults, rounds=ROUNDS, acts=acts)


def _performed(shell: Shell, decision: Decision) -> tuple[MlopsError, ...]:
    faults = []
    for action in decision.actions:
        try:
            shell.perform(action)
        except MlopsError as fault:
            faults.append(fault)
    return tuple(faults)
