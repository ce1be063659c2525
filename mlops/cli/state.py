"""The state of this home, opened for one verb: what people want, what was decided, what is recorded.

The verbs work on the file itself, whether or not `recipes up` runs; a running one notices a change within a second.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.observation import Observation
from controller.slots import begin
from mlops.cli.console import say
from mlops.cli.wiring import new_id, now, user
from mlops.config import Settings
from mlops.embedded.database import Database
from mlops.embedded.facts import Facts
from mlops.embedded.home import Home
from mlops.embedded.records import Records
from mlops.embedded.resources import Resources
from mlops.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion
    from controller.situation import Case, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that a verb reads and writes. `user` is the identity in whose name it writes."""

    home: Home
    database: Database
    resources: Resources
    facts: Facts
    records: Records
    user: str
    now: datetime

    @property
    def running(self) -> bool:
        """Whether a `recipes up` over this home is alive."""
        return self.home.running_registry() is not None

    def model(self) -> Model:
        """The Model. Raises NotFound before anything was applied."""
        model = self.resources.model()
        if model is None:
            raise _nothing_applied(self.home)
        return model

    def traffic(self) -> dict[str, int]:
        """Who answers the users now, in percent."""
        return {share.version: share.weight for share in self.facts.traffic()}

    def situation(self) -> Situation:
        """What the core sees, but for the platform: enough to ask it whether something is allowed."""
        observation = Observation(
            model=self.model(),
            versions=self.resources.versions(),
            approvals=self.resources.approvals(),
            traffic=self.traffic(),
        )
        return begin(observation, self.now)

    def case(self, version: str) -> Case:
        """One version as the core sees it. Raises NotFound, naming the versions that there are."""
        return self.situation().case(self.resources.version(version).spec.version)

    def version(self, version: str) -> tuple[ModelVersion, Model]:
        """A version and its Model. Raises NotFound."""
        return self.resources.version(version), self.model()


@contextmanager
def opened(*, make: bool = False) -> Iterator[State]:
    """Open the state of the home that the settings name; `make` makes it where there is none.

    Raises NotFound where there is none, Permanent where it cannot be read or written.
    """
    settings = Settings()
    home = Home(settings.home)
    if make:
        home.prepare()
    elif not home.state.exists():
        raise _nothing_applied(home)
    with Database.open(home.state) as database:
        yield State(
            home=home,
            database=database,
            resources=Resources(database, settings.model, now, new_id),
            facts=Facts(database),
            records=Records(database),
            user=user(),
            now=now(),
        )


def governed(model: str) -> bool:
    """Whether versions of this model move by decisions here, and no longer by hand."""
    settings = Settings()
    if model != settings.model or not Home(settings.home).state.exists():
        return False
    with opened() as state:
        return state.resources.model() is not None


def say_when(state: State) -> None:
    """Say when a change takes effect, where that is not at once."""
    if not state.running:
        say("It takes effect when `recipes up` runs.")


def _nothing_applied(home: Home) -> NotFound:
    return NotFound(f"nothing was applied in {home.root} yet", hint="recipes apply -f FILE, or recipes up")
