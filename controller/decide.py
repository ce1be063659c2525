"""The decision core: what to do next with one model and all its versions, from what is observed. Pure.

It knows no I/O and no clock. A shell gathers an Observation, performs the actions in order, and then saves the
statuses: the Model's first, then those of its versions. Whatever happened, it decides again, until a decision changes
nothing; then it sleeps until an event or `wake_at`. A process killed anywhere in this loop picks it up by observing.

Two rules make that safe. A status claims an act only once the observation shows its effect. And traffic moves only on
what was saved in an earlier round, never on a verdict that a crash could forget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controller import actions
from controller.admission import admit
from controller.canary import roll_out
from controller.events import announce
from controller.leaving import leave
from controller.production import watch_production
from controller.resource.codec import codec
from controller.resource.model_status import ModelStatus
from controller.resource.version_status import VersionStatus
from controller.restoration import choose_restoration, restore
from controller.retraining import retrain
from controller.routing import name_champion, route, serve
from controller.slots import begin, follow
from controller.summary import summarise
from controller.tidying import dissolve, tidy
from controller.validation import validate
from controller.verification import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from controller.actions import Action
    from controller.observation import Observation
    from controller.situation import Situation

CHAPTERS = (
    follow,  # the Model's slots decide, also after a crash between two writes
    leave,  # deleted, aborted, retired, rejected, superseded: before anything is done for them
    restore,  # the way back goes before the way forward
    serve,
    route,
    name_champion,
    verify,  # Training
    validate,  # Validation
    watch_production,
    choose_restoration,
    roll_out,  # Staging: the one that has its turn
    admit,  # Staging: those that wait
    retrain,
    tidy,
    summarise,
    announce,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, in this order; what to save then; and when to look again if no event comes before.

    `statuses` are by version; `wake_at` is later than the moment of the decision, or None where only events matter.
    """

    model: ModelStatus
    statuses: Mapping[str, VersionStatus]
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None

    def changes(self, observation: Observation) -> bool:
        """Whether there is anything to do or to save: then decide again afterwards."""
        return bool(self.actions) or self.model != observation.model.status or bool(self.changed(observation))

    def changed(self, observation: Observation) -> dict[str, VersionStatus]:
        """The statuses that differ from those stored."""
        stored = {version.spec.version: version.status for version in observation.versions}
        return {number: status for number, status in self.statuses.items() if status != stored[number]}

    def repeats(self, before: Decision | None) -> bool:
        """Whether it asks for the same again: it was done and saved, and the world has not followed yet."""
        if before is None:
            return False
        return (self.actions, self.model, self.statuses) == (before.actions, before.model, before.statuses)

    def to_dict(self) -> dict[str, Any]:
        """JSON types, for the record."""
        return {
            "model": codec(ModelStatus).dump(self.model),
            "statuses": {number: codec(VersionStatus).dump(status) for number, status in self.statuses.items()},
            "actions": [actions.to_dict(action) for action in self.actions],
            "wakeAt": self.wake_at.isoformat() if self.wake_at else None,
        }


def decide(observation: Observation, now: datetime) -> Decision:
    """Decide about one model at one moment; the same arguments always give the same decision.

    `now` must be aware. Purely computational: the shell has the effects, and nothing here raises for any observation.
    """
    situation = begin(observation, now)
    for chapter in (follow, dissolve, summarise) if observation.model.meta.deleting else CHAPTERS:
        situation = chapter(situation)
    return _concluded(situation)


def _concluded(situation: Situation) -> Decision:
    ahead = [instant for instant in situation.wakes if instant > situation.now]
    return Decision(
        model=situation.model,
        statuses=situation.statuses,
        actions=situation.actions,
        wake_at=min(ahead, default=None),
    )
