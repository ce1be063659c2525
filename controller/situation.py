"""One round of deciding: what was observed, and what has been decided so far. Every chapter returns the next one.

`Situation` is the model with all its versions, `Case` one version in it, `Move` what a chapter decides for one version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from controller.observation import JobFact, ServingState, VersionFacts
from controller.resource.codec import codec, digest
from controller.resource.conditions import bounded
from controller.resource.fields import precedence
from controller.resource.policy import Policy
from controller.resource.reasons import Reason
from controller.resource.version import Intent, effective_policy
from controller.resource.version_status import Attempt, Held, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from semver import Version

    from controller.actions import Action
    from controller.observation import Observation
    from controller.resource.model_status import ModelStatus
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import VersionStatus
    from controller.stages import Stage


@lru_cache(maxsize=64)  # versions share the policy of their Model
def policy_hash(policy: Policy) -> str:
    """The hash under which a policy is kept: of all its fields, so that a new default is a new policy."""
    return digest(codec(Policy).dump(policy, terse=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The next status of one version, what to do for it, when to look again. `done`: it waits for nothing more."""

    status: VersionStatus
    actions: tuple[Action, ...] = ()
    wakes: tuple[datetime, ...] = ()
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One model with all its versions, in one round."""

    observation: Observation
    now: datetime
    versions: Mapping[str, ModelVersion]
    facts: Mapping[str, VersionFacts]
    model: ModelStatus
    statuses: Mapping[str, VersionStatus]
    actions: tuple[Action, ...] = ()
    wakes: tuple[datetime, ...] = ()

    def with_model(self, **changes: Any) -> Situation:
        """The situation with fields of the Model's status changed."""
        return replace(self, model=replace(self.model, **changes))

    def with_status(self, number: str, status: VersionStatus) -> Situation:
        """The situation with one version's status replaced."""
        if self.statuses[number] is status:
            return self
        return replace(self, statuses={**self.statuses, number: status})

    def taking(self, number: str, move: Move) -> Situation:
        """The situation after a move of one version."""
        return self.with_status(number, move.status).acting(*move.actions).waking(*move.wakes)

    def acting(self, *actions: Action) -> Situation:
        """The situation with more to do."""
        return replace(self, actions=(*self.actions, *actions)) if actions else self

    def waking(self, *instants: datetime) -> Situation:
        """The situation with more instants at which something changes without an event."""
        return replace(self, wakes=(*self.wakes, *instants)) if instants else self

    def case(self, number: str) -> Case:
        """One version's view of the situation."""
        return Case(
            situation=self,
            number=number,
            version=self.versions[number],
            status=self.statuses[number],
            facts=self.facts.get(number) or VersionFacts(version=number),
        )

    def cases(self, *stages: Stage) -> Iterator[Case]:
        """The versions in these stages, in the order in which they were created."""
        for number, status in self.statuses.items():
            if status.stage in stages:
                yield self.case(number)

    def weight(self, number: str) -> int:
        """The share of users that a version answers, as read back; 0 also where nothing can be read."""
        return (self.observation.traffic or {}).get(number, 0)

    def ready(self, number: str) -> bool:
        """Whether a version's serving is fully available with the digest that was verified.

        Of production whose object is gone nobody knows the digest any more; it answered before, and is believed.
        """
        if number in self.versions:
            return self.case(number).ready
        facts = self.facts.get(number)
        serves = facts is not None and facts.serving is not None and facts.serving.state is ServingState.READY
        return serves and number == self.model.production

    @property
    def pin(self) -> str | None:
        """The version to which the Model is pinned."""
        return self.observation.model.spec.pinned_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One version in one round, with the moves that are open to it."""

    situation: Situation
    number: str
    version: ModelVersion
    status: VersionStatus
    facts: VersionFacts

    @property
    def now(self) -> datetime:
        """The present."""
        return self.situation.now

    @property
    def policy(self) -> Policy:
        """The snapshot that rules this attempt."""
        return self.status.attempt.policy if self.status.attempt else Policy()

    @property
    def attempt(self) -> int:
        """The number of this attempt."""
        return self.status.attempt.number if self.status.attempt else 1

    @property
    def digest(self) -> str | None:
        """The digest that was verified."""
        return self.status.artifact.digest if self.status.artifact else None

    @property
    def ready(self) -> bool:
        """Whether its serving is fully available with the verified digest."""
        serving = self.facts.serving
        return serving is not None and serving.state is ServingState.READY and serving.digest == self.digest

    @property
    def answers(self) -> bool:
        """Whether users who are sent to it are answered."""
        return self.facts.serving is not None and self.facts.serving.answers

    @property
    def keeps_users(self) -> bool:
        """Whether it may have the users that it has: ready, or answering those who are sent to it already.

        A pod of several that starts again, or a controller that has just taken over and asked nobody, moves no users.
        """
        return self.ready or (self.answers and self.situation.weight(self.number) > 0)

    @property
    def refused(self) -> str | None:
        """Why its serving can never be given traffic: another digest than the verified one. None while it may."""
        serving = self.facts.serving
        if serving is not None and serving.state is ServingState.REFUSED:
            return f"the serving refuses the artefact: {serving.message or 'its digest differs'}"
        if serving is None or serving.state is ServingState.PENDING or serving.digest in (None, self.digest):
            return None
        return f"serves digest {serving.digest}, verified was {self.digest}"

    @property
    def kept_back(self) -> tuple[Reason, str] | None:
        """What a person has put in the way of anything new: the version's intent is Hold, or its Model is paused."""
        if self.version.spec.intent is Intent.HOLD:
            return Reason.ON_HOLD, "until its intent is Promote"
        if self.situation.observation.model.spec.paused:
            return Reason.PAUSED, "until the Model is no longer paused"
        return None

    @property
    def in_slot(self) -> bool:
        """Whether it is the one version that is being rolled out."""
        return self.situation.model.canary == self.number

    @property
    def age_order(self) -> tuple[float, Version, str]:
        """Sorts versions by creation; of two made at once the greater SemVer counts as the newer."""
        created = self.version.meta.created
        return (created.timestamp() if created else 0.0, precedence(self.number), self.number)

    def job(self, name: str) -> JobFact | None:
        """What is known of one of its jobs."""
        return next((job for job in self.facts.jobs if job.name == name), None)

    def wait(self, reason: Reason, message: str, *until: datetime) -> Move:
        """Stay, and say why."""
        return Move(status=self.status.because(reason, bounded(message)), wakes=until)

    def act(self, reason: Reason, message: str, *actions: Action) -> Move:
        """Stay, and do something about it."""
        return Move(status=self.status.because(reason, bounded(message)), actions=actions)

    def leave(self, reason: Reason, message: str) -> Move:
        """End the attempt; archived it is once no user is answered by it."""
        outcome = Outcome(reason=reason, message=bounded(message), at=self.now)
        return Move(status=replace(self.status, outcome=outcome, held=None).because(reason, outcome.message))

    def hold(self, reason: Reason, message: str, *until: datetime) -> Move:
        """Stay, and say so aloud."""
        since = self.status.held.since if self.status.held else self.now
        held = Held(reason=reason, message=bounded(message), since=since)
        return Move(status=replace(self.status, held=held).because(reason, held.message), wakes=until)

    def go(self, stage: Stage, reason: Reason, message: str) -> Move:
        """Enter another stage."""
        return Move(status=self.status.moved(stage, reason, bounded(message), self.now))

    def having(self, **changes: Any) -> Case:
        """The case with fields of its status changed."""
        return replace(self, status=replace(self.status, **changes))

    def current_policy(self) -> Policy:
        """What Model and version ask for now; it rules the next attempt."""
        return effective_policy(self.situation.observation.model.spec, self.version.spec)

    def fresh_attempt(self) -> Case:
        """The case at the start of its next attempt: a new snapshot of the policy, and no evidence yet."""
        policy = self.current_policy()
        before = self.status.attempt
        attempt = Attempt(
            number=before.number + 1 if before else 1,
            started=self.now,
            policy=policy,
            policy_hash=policy_hash(policy),
        )
        return self.having(
            attempt=attempt,
            evaluation=None,
            replay=None,
            results_hash=None,
            approval=None,
            canary=None,
            held=None,
        )
