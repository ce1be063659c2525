"""The bounded executor: work that would block the event loop, a limited queue before it, a deadline for each piece.

A piece that is past its deadline cannot be stopped in Python. Its caller is answered at once, but its place is given
back only when it ends: else a slow model would pile up abandoned work behind a queue that looks empty.

Pieces that wait may be done together, as many at once as are told: a thread leaves the others their share.

The threads are our own: from `concurrent.futures` to asyncio a result goes through two futures and three locks, which
took a tenth of what an answer takes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from mlops.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")


class Overloaded(Transient):
    """As many pieces as allowed wait already."""


class DeadlineExceeded(Transient):
    """The piece did not end in time."""


class Outcome(NamedTuple):
    """What became of a piece: its result, or what it raised."""

    result: Any = None
    error: BaseException | None = None


def one_by_one(works: Sequence[Callable[[], Any]]) -> list[Outcome]:
    """Do each piece by itself."""
    return [_outcome(work) for work in works]


class Workers:
    """Up to `threads` threads run and up to `waiting` pieces wait; more are refused at once.

    A thread takes up to `at_once` pieces and has `do` do them. Who waits for one waits for those beside it. Each thread
    calls `begin` first.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        waiting: int,
        at_once: int = 1,
        do: Callable[[Sequence[Callable[[], Any]]], Sequence[Outcome]] = one_by_one,
        begin: Callable[[], object] = lambda: None,
    ) -> None:
        self._at_once = at_once
        self._begin = begin
        self._do = do
        self._share = threads
        self._limit = threads + waiting
        self._taken = 0
        self._lock = Lock()
        self._closed = False
        # None ends the thread that takes it.
        self._queue: SimpleQueue[_Piece[Any] | None] = SimpleQueue()
        # Daemons: who does not close waits for nobody.
        self._unstarted = [Thread(target=self._work, name=f"{name}_{n}", daemon=True) for n in reversed(range(threads))]
        self._threads: list[Thread] = []

    @property
    def taken(self) -> int:
        """Pieces that run or wait, abandoned ones included."""
        return self._taken

    @property
    def limit(self) -> int:
        """As many may run or wait."""
        return self._limit

    async def run(self, work: Callable[[], T], *, seconds: float) -> T:
        """Run `work` in a thread and return its result.

        Raises Overloaded without running it, DeadlineExceeded after `seconds`, and what `work` raises.
        """
        loop = asyncio.get_running_loop()
        piece = _Piece(work, loop)
        self._put(piece)
        deadline = loop.call_later(seconds, piece.expire, seconds)
        try:
            return await piece.result
        finally:
            deadline.cancel()
            if self._claim(piece):  # it has not begun, and nobody waits for it any more
                self._give_back()

    def close(self) -> None:
        """Wait for what runs, drop what waits."""
        with self._lock:
            self._closed = True
        for piece in self._waiting():
            if self._claim(piece):
                self._give_back()
                piece.tell(piece.result.cancel)
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _put(self, piece: _Piece[T]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("no work is taken after the end")
            if self._taken >= self._limit:
                raise Overloaded(
                    f"{self._taken} requests run or wait, {self._limit} are allowed", hint="ask again in a second"
                )
            self._taken += 1
            self._queue.put(piece)
            # No more threads than there was ever work for at once.
            if self._unstarted and self._taken > len(self._threads):
                self._threads.append(self._unstarted.pop())
                self._threads[-1].start()

    def _waiting(self) -> Iterator[_Piece[Any]]:
        with suppress(Empty):
            while True:
                piece = self._queue.get_nowait()
                if piece is None:  # is another thread's
                    self._queue.put(None)
                    return
                yield piece

    def _work(self) -> None:
        self._begin()
        while (piece := self._queue.get()) is not None:
            # Besides the first what waits, but for the share of the other threads.
            beside = min(self._at_once - 1, self._queue.qsize() // self._share)
            pieces = [each for each in (piece, *islice(self._waiting(), beside)) if self._claim(each)]
            if pieces:
                self._do_all(pieces)
            del piece, pieces  # else what they hold lives until the next one comes

    def _do_all(self, pieces: Sequence[_Piece[Any]]) -> None:
        try:
            outcomes = self._do([piece.work for piece in pieces])
        except BaseException as error:  # noqa: BLE001 - a thread that ended would leave all that come to wait
            outcomes = [Outcome(error=error)] * len(pieces)
        for _ in pieces:
            self._give_back()
        # In one go for each loop, which is woken once.
        ended: dict[asyncio.AbstractEventLoop, list[tuple[_Piece[Any], Outcome]]] = {}
        for piece, outcome in zip(pieces, outcomes, strict=True):
            ended.setdefault(piece.loop, []).append((piece, outcome))
        for told in ended.values():
            told[0][0].tell(_end, told)

    def _claim(self, piece: _Piece[T]) -> bool:
        """Whether `piece` is the caller's to run or to drop: the first who asks has it."""
        with self._lock:
            first, piece.claimed = not piece.claimed, True
        return first

    def _give_back(self) -> None:
        with self._lock:
            self._taken -= 1


class _Piece(Generic[T]):
    """Work on its way to a thread, and its result on the way back to the loop that waits for it."""

    def __init__(self, work: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.result: asyncio.Future[T] = loop.create_future()
        self.claimed = False

    def end(self, outcome: Outcome) -> None:
        """Hand the outcome to whoever waits for it, if anybody still does. In the loop."""
        if self.result.done():
            return
        if outcome.error is None:
            self.result.set_result(outcome.result)
        else:
            self.result.set_exception(outcome.error)

    def expire(self, seconds: float) -> None:
        """Give up waiting for the result."""
        self.end(Outcome(error=DeadlineExceeded(f"no result within {seconds:g} s", hint="ask again, with a smaller k")))

    def tell(self, callback: Callable[..., object], *arguments: object) -> None:
        """Have the loop call `callback`, unless it has ended meanwhile."""
        try:
            self.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            if not self.loop.is_closed():
                raise


def _end(told: Sequence[tuple[_Piece[Any], Outcome]]) -> None:
    for piece, outcome in told:
        piece.end(outcome)


def _outcome(work: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(result=work())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
        return Outcome(error=error)
