"""The engine of many processes or machines: Ray. The only importer of ray.

Joins the cluster of RAY_ADDRESS, which a job submitted to one (KubeRay's RayJob) finds set; without it, starts a Ray of
its own on this machine. Each worker is an actor with one processor that opens the task once; one that dies is started
again, and its item done again.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Generic, Self

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from mlops.engines.port import Item, Result
from mlops.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from mlops.engines.port import Task

ADDRESS = "RAY_ADDRESS"
RESTARTS = 2
# Enough that no worker waits for the driver; more would only hold memory.
AHEAD = 2


class _Worker(Generic[Item, Result]):
    def __init__(self, task: Task[Item, Result]) -> None:
        self._task = task
        self._work: Callable[[Item], Result] | None = None

    def do(self, item: Item) -> Result:
        # Not in the constructor: what that raises is told as the death of a worker.
        if self._work is None:
            self._work = self._task.open()
        return self._work(item)


class RayEngine:
    """Use it in `with`. `workers` unset: one for each processor of the cluster."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def __enter__(self) -> Self:
        """Join or start. Raises Transient where no cluster answers."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own: dict[str, Any] = {} if os.environ.get(ADDRESS) else {"num_cpus": self._workers, "include_dashboard": False}
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **own)
        except Exception as error:  # Ray raises a bare one where its own processes do not come up in time
            raise Transient(
                f"Ray does not answer: {str(error).strip().partition(chr(10))[0]}", hint=f"look at {ADDRESS}"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()

    def spread(self, task: Task[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """See the port."""
        if not items:
            return
        wanted = self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        shared = ray.put(task)
        worker: Any = ray.remote(num_cpus=1, max_restarts=RESTARTS, max_task_retries=RESTARTS)(_Worker)
        actors = [worker.remote(shared) for _ in range(min(wanted, len(items)))]
        try:
            yield from _results(actors, items)
        except RayTaskError as error:
            raise error.cause from error
        except RayActorError as error:
            raise Transient(f"a worker of Ray was lost {RESTARTS + 1} times", hint="look at its pod or log") from error
        except RayError as error:
            raise Transient(f"Ray lost the work: {type(error).__name__}", hint="look at the cluster") from error
        finally:
            for actor in actors:
                ray.kill(actor)


def _results(actors: Sequence[Any], items: Sequence[Item]) -> Iterator[tuple[int, Any]]:
    """Keep every actor busy with items in their order, and yield what comes first."""
    waiting = iter(enumerate(items))
    under_way: dict[Any, tuple[int, Any]] = {}

    def hand(actor: Any) -> None:
        if (following := next(waiting, None)) is not None:
            place, item = following
            under_way[actor.do.remote(item)] = (place, actor)

    for _ in range(AHEAD):
        for actor in actors:
            hand(actor)
    while under_way:
        (done,), _ = ray.wait(list(under_way), num_returns=1)
        place, actor = under_way.pop(done)
        hand(actor)
        yield place, ray.get(done)
