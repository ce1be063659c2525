"""The life cycle in one process, put together: one page of wiring between the store, the servings and the core."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from controller.registry_watch import RegistryWatch
from controller.rollout_traces import RolloutTraces
from mlops.canonical_lines import PlainLines
from mlops.embedded.alarms import Alarms
from mlops.embedded.artifacts import Artifacts
from mlops.embedded.database import Database
from mlops.embedded.evaluation_jobs import EvaluationJobs
from mlops.embedded.facts import Facts
from mlops.embedded.job_processes import JobProcesses
from mlops.embedded.job_table import JobTable
from mlops.embedded.keeper import Keeper
from mlops.embedded.recent_queries import RecentQueries
from mlops.embedded.records import Records
from mlops.embedded.resources import Resources
from mlops.embedded.retraining_runs import RetrainingRuns
from mlops.embedded.servings import Servings
from mlops.embedded.shell import LaptopShell, World
from mlops.embedded.split import Split
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from controller.actions import Measure
    from controller.loop import Shell
    from controller.observation import Measurement
    from controller.spans import Span
    from mlops.canonical_lines import CanonicalLines
    from mlops.embedded.chores import Chore
    from mlops.embedded.home import Home
    from mlops.model_registry import ModelRegistry
    from mlops.recommendation import ServedModel
    from predictor.slot import Slot

FLUSH_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 2.0
RESUMED = "resumed"  # a revision of the serving block that no Model has: the core asks for the present one at once

_log = structlog.stdlib.get_logger("mlops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process gives the life cycle. `load` opens an artefact; `job_command` runs a job by its name.

    `trace` is handed the spans of rollouts that have ended, `lines` a line of each round.
    """

    model: str
    slot: Slot
    registry: Callable[[], ModelRegistry]
    load: Callable[[Path, str], ServedModel]
    job_command: Callable[[str], Sequence[str]]
    measure: Callable[[Measure, datetime], Measurement]
    new_data: Callable[[], bool]
    clock: Callable[[], datetime]
    new_uid: Callable[[], str]
    chores: tuple[Chore, ...] = ()
    trace: Callable[[Sequence[Span]], None] = lambda _: None
    lines: CanonicalLines = field(default_factory=lambda: PlainLines("mlops"))


class Life:
    """Everything between `resume` and `stop` of one served model. Close it, or use it in `with`."""

    def __init__(self, home: Home, around: Surroundings, shell: Callable[[Shell], Shell] = lambda shell: shell) -> None:
        """`shell` may wrap the shell, as tests do that kill it between two acts."""
        self._around = around
        self._database = Database.open(home.state)
        clock, poke = around.clock, self.poke
        self.resources = Resources(self._database, around.model, clock, around.new_uid)
        self.facts = Facts(self._database)
        self.records = Records(self._database)
        self.queries = RecentQueries(self._database, clock)
        self._table = JobTable(self._database)
        self._alarms = Alarms(clock)
        self._processes = JobProcesses(self._table, home.jobs, around.job_command, clock, poke)
        self._servings = Servings(around.load, poke)
        self._split = Split(around.slot, self._servings, self.facts)
        self._artifacts = Artifacts(around.model, self.facts, around.registry, home.downloads, poke)
        self._registry = RegistryWatch(around.model, around.registry, poke, by="recipes up")
        self._retraining = RetrainingRuns(self.facts, self._table, self._processes, self._alarms, clock)
        laptop = shell(LaptopShell(self._world(), clock))
        self._keeper = Keeper(around.model, laptop, self._alarms, clock, self._changes, around.lines)

    def resume(self) -> bool:
        """Answer as the process before this one did, before anything else starts; False where nothing answered.

        A version that cannot be loaded is left to the decision core. Where none can, raises what loading raised.
        """
        faults: list[MlopsError] = []
        weights: dict[str, int] = {}
        for share in self.facts.traffic():
            try:
                self._servings.open_now(share.version, share.folder, share.digest, RESUMED)
                weights[share.version] = share.weight
            except MlopsError as error:
                faults.append(error)
                _log.error("cannot answer as before", version=share.version, reason=error.message)
        if not weights:
            if faults:
                raise faults[0]
            return False
        lost = 100 - sum(weights.values())
        first = next(iter(weights))
        self._split.set({**weights, first: weights[first] + lost})
        return True

    def start(self) -> None:
        """Take up the jobs that were left, and begin to keep."""
        self._alarms.start()
        self._alarms.every("queries", FLUSH_SECONDS, self._flush)
        self._alarms.every("servings", LOOK_AGAIN_SECONDS, self._servings.look_again)
        for chore in self._around.chores:
            self._alarms.every(chore.name, chore.seconds, chore.look)
        self._retraining.arm()
        self._processes.take_up()
        self._registry.start()
        self._keeper.start()

    def stop(self) -> None:
        """End in the order in which nothing is asked of what is gone; the round under way is finished."""
        with ExitStack() as stack:
            stack.callback(self._database.close)
            stack.callback(self._flush)
            stack.callback(self._servings.close)
            stack.callback(self._artifacts.close)
            stack.callback(self._processes.stop)
            for chore in self._around.chores:
                stack.callback(chore.stop)
            stack.callback(self._registry.stop)
            stack.callback(self._alarms.stop)
            stack.callback(self._keeper.stop)

    def _world(self) -> World:
        return World(
            resources=self.resources,
            facts=self.facts,
            records=self.records,
            artifacts=self._artifacts,
            jobs=EvaluationJobs(self._table, self._processes, self.facts, self._around.clock),
            servings=self._servings,
            split=self._split,
            registry=self._registry,
            retraining=self._retraining,
            measure=self._around.measure,
            new_data=self._around.new_data,
            traces=RolloutTraces(self._around.model, self._around.trace),
        )

    def poke(self) -> None:
        """Something happened: look at it now rather than soon."""
        self._keeper.poke()

    def _changes(self) -> int:
        return self._database.changes_of_others()

    def _flush(self) -> None:
        try:
            self.queries.flush()
        except MlopsError as error:
            _log.warning("recent queries not kept", reason=error.message)
