"""What a verb reads and writes: the resources of one model, what was decided, who is answered.

On a laptop that is a home on disk; `kubectl recipes` works on a namespace of a cluster (`cluster_state.py`). The verbs
do not know the difference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import Any

    from controller.replay import Record
    from controller.resource.approval import ModelApproval
    from controller.resource.model import Model
    from controller.resource.version import Intent, ModelVersion
    from controller.situation import Case, Situation
    from mlops.embedded.records import Notice
    from mlops.embedded.resources import Applied


class Stored(Protocol):
    """The resources of one model, wherever they are kept; `mlops.embedded.resources` says what each method does."""

    def apply(self, manifest: Mapping[str, Any], *, by: str) -> Applied: ...  # noqa: D102 - as in `Resources`
    def patch_model(self, spec: Mapping[str, Any], *, by: str) -> Applied: ...  # noqa: D102
    def set_intent(self, version: str, intent: Intent) -> Applied: ...  # noqa: D102
    def delete(self, kind: type[Model | ModelVersion | ModelApproval], name: str) -> None: ...  # noqa: D102
    def model(self) -> Model | None: ...  # noqa: D102
    def version(self, version: str) -> ModelVersion: ...  # noqa: D102
    def versions(self) -> tuple[ModelVersion, ...]: ...  # noqa: D102
    def approvals(self) -> tuple[ModelApproval, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class State(ABC):
    """Everything that a verb works on. `user` is in whose name it writes, `place` where, in words."""

    resources: Stored
    place: str
    user: str
    now: datetime

    @property
    @abstractmethod
    def asleep(self) -> str | None:
        """What has to run before anything moves; None where it does."""

    @abstractmethod
    def traffic(self) -> dict[str, int]:
        """Who answers the users now, in percent."""

    @abstractmethod
    def notices(self, version: str | None = None) -> Sequence[Notice]:
        """What people were told, oldest first; of one version where one is named."""

    @abstractmethod
    def decisions(self, version: str) -> Sequence[Record]:
        """The record of what was decided about a version. Raises NotFound where none is kept."""

    @abstractmethod
    def changed(self) -> object:
        """Something that is another when somebody has written."""

    @abstractmethod
    def together(self) -> AbstractContextManager[object]:
        """A block in which everything is written, or nothing, as far as the place can hold to that."""

    def model(self) -> Model:
        """The Model. Raises NotFound before anything was applied."""
        model = self.resources.model()
        if model is None:
            raise _nothing_applied(self.place)
        return model

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeState(State):
    """A home. The verbs work on the file itself; a running `recipes up` notices a change within a second."""

    home: Home
    database: Database
    facts: Facts
    records: Records

    @property
    def asleep(self) -> str | None:
        """See `State`."""
        return "`recipes up`" if self.home.running_registry() is None else None

    def traffic(self) -> dict[str, int]:
        """See `State`."""
        return {share.version: share.weight for share in self.facts.traffic()}

    def notices(self, version: str | None = None) -> Sequence[Notice]:
        """See `State`."""
        return self.records.notices(version)

    def decisions(self, version: str) -> Sequence[Record]:
        """See `State`."""
        return self.records.of_version(version)

    def changed(self) -> object:
        """See `State`."""
        return self.database.changes_of_others()

    def together(self) -> AbstractContextManager[object]:
        """See `State`."""
        return self.database.transaction()


# Another place than this home, while a command that works on one runs. A function of whether to make what is not there.
elsewhere: ContextVar[Callable[[bool], AbstractContextManager[State]]] = ContextVar("elsewhere")


@contextmanager
def opened(*, make: bool = False) -> Iterator[State]:
    """Open the place that the command works on; `make` makes it where there is none.

    Raises NotFound where there is none, Permanent where it cannot be read or written.
    """
    place = elsewhere.get(None)
    with place(make) if place is not None else _home(make=make) as state:
        yield state


@contextmanager
def _home(*, make: bool) -> Iterator[State]:
    settings = Settings()
    home = Home(settings.home)
    if make:
        home.prepare()
    elif not home.state.exists():
        raise _nothing_applied(str(home.root))
    with Database.open(home.state) as database:
        yield HomeState(
            resources=Resources(database, settings.model, now, new_id),
            place=str(home.root),
            user=user(),
            now=now(),
            home=home,
            database=database,
            facts=Facts(database),
            records=Records(database),
        )


def say_when(state: State) -> None:
    """Say when a change takes effect, where that is not at once."""
    if state.asleep is not None:
        say(f"It takes effect when {state.asleep} runs.")


def governed(model: str) -> bool:
    """Whether versions of this model move by decisions here, and no longer by hand."""
    settings = Settings()
    if model != settings.model or not Home(settings.home).state.exists():
        return False
    with _home(make=False) as state:
        return state.resources.model() is not None


def _nothing_applied(place: str) -> NotFound:
    return NotFound(f"nothing was applied in {place} yet", hint="recipes apply -f FILE, or recipes up")
