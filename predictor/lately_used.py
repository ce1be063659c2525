"""What was used last, as much of it as fits a bound."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class LatelyUsed(Generic[T]):
    """Keeps values that take up to `limit` bytes by `size`, which is the same each time. For one thread at a time.

    It has one table. `cachetools` has three, and for each entry a third of a kilobyte more.
    """

    def __init__(self, limit: int, size: Callable[[T], int]) -> None:
        self._limit = limit
        self._size = size
        self._taken = 0
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> T | None:
        """Return what is kept as `key`, which is used by that."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, value: T) -> None:
        """Keep `value`, and let go of those that were used longest ago; nothing where it alone is too large."""
        size = self._size(value)
        if size > self._limit:
            return
        before = self._kept.pop(key, None)
        self._taken += size - (0 if before is None else self._size(before))
        self._kept[key] = value
        while self._taken > self._limit:
            _, gone = self._kept.popitem(last=False)
            self._taken -= self._size(gone)
