"""The port: a task that is opened once by each worker and done for many items, in whatever order and place.

`mlops.engines.local` and `mlops.engines.ray_engine` pass one contract suite. What is computed may depend on task and
item alone, so that every engine, with any number of workers, comes to the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Task(Protocol[Item_contra, Result_co]):
    """What is to be done. It travels to the workers, as items and results do: plain values of importable classes."""

    def open(self) -> Callable[[Item_contra], Result_co]:
        """Prepare, once for each worker, and return what does one item."""


class Engine(Protocol):
    """Does a task for many items."""

    def spread(self, task: Task[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """Yield the place of each item with its result, as they come; each item once.

        Raises what opening or doing raised, and Transient where workers are lost and do not come back.
        """
