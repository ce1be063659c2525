"""Things that are done by the loop they come from, a few in a turn of it: between them it does what else there is.

A thread of their own would want the interpreter's lock besides the loop and the threads that answer. In a storm one
that needed a twentieth of a core had all of them wait for as long as it ran, with both cores half idle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

T = TypeVar("T")


class Turns(Generic[T]):
    """Hands what was put in to `do`, in its order, at most `most` in a turn of the loop; `do` must not raise.

    At most `waiting` wait. The first waits `linger` seconds for others.
    """

    def __init__(self, do: Callable[[T], None], *, waiting: int, most: int, linger: float) -> None:
        self._do = do
        self._limit = waiting
        self._most = most
        self._linger = linger
        self._waiting: deque[T] = deque()
        self._doing = Lock()
        # The loop that will do what waits.
        self._coming: AbstractEventLoop | None = None

    def put(self, item: T) -> bool:
        """Put `item` in; False where there is no room, or no loop in the thread that calls."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if len(self._waiting) >= self._limit:
            return False
        self._waiting.append(item)
        if self._coming is not loop:
            self._coming = loop
            loop.call_later(self._linger, self._some, loop)
        return True

    def settle(self) -> None:
        """Do what waits, in the thread that calls."""
        self._do_up_to(self._limit)

    def _some(self, loop: AbstractEventLoop) -> None:
        self._do_up_to(self._most)
        if self._waiting:
            loop.call_soon(self._some, loop)
        else:
            self._coming = None

    def _do_up_to(self, most: int) -> None:
        with self._doing:  # one thread at a time, in their order
            for _ in range(min(most, len(self._waiting))):
                self._do(self._waiting.popleft())
