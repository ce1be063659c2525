"""The engine of one process: item after item."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.engines.port import Item, Result, Task


class LocalEngine:
    """Does every item here, in their order."""

    def spread(self, task: Task[Item, Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """See the port."""
        if not items:
            return
        work = task.open()
        for place, item in enumerate(items):
            yield place, work(item)
