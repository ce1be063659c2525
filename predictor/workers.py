"""The bounded executor: work that would block the event loop, a limited queue before it, a deadline for each piece.

A piece that is past its deadline cannot be stopped in Python. Its caller is answered at once, but its place is given
back only when it ends: else a slow model would pile up abandoned work behind a queue that looks empty.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from mlops.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


class Overloaded(Transient):
    """As many pieces as allowed wait already."""


class DeadlineExceeded(Transient):
    """The piece did not end in time."""


class Workers:
    """Up to `threads` pieces run and up to `waiting` wait; more are refused at once."""

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._limit = threads + waiting
        self._taken = 0
        self._lock = Lock()

    @property
    def taken(self) -> int:
        """Pieces that run or wait, abandoned ones included."""
        return self._taken

    async def run(self, work: Callable[[], T], *, seconds: float) -> T:
        """Run `work` in a thread and return its result.

        Raises Overloaded without running it, DeadlineExceeded after `seconds`, and what `work` raises.
        """
        self._take()
        future = self._executor.submit(work)
        future.add_done_callback(self._give_back)
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            # A TimeoutError of the work's own is not ours.
            if not deadline.expired():
                raise
            raise DeadlineExceeded(f"no result within {seconds:g} s", hint="ask again, with a smaller k") from None

    def close(self) -> None:
        """Wait for what runs, drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _take(self) -> None:
        with self._lock:
            if self._taken >= self._limit:
                raise Overloaded(
                    f"{self._taken} requests run or wait, {self._limit} are allowed", hint="ask again in a second"
                )
            self._taken += 1

    def _give_back(self, _: Future[T]) -> None:
        with self._lock:
            self._taken -= 1
