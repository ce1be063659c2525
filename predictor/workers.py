"""The bounded executor: work that would block the event loop, a limited queue before it, a deadline for each piece.

A piece that is past its deadline cannot be stopped in Python. Its caller is answered at once, but its place is given
back only when it ends: else a slow model would pile up abandoned work behind a queue that looks empty.

Pieces that wait may be done together, as many at once as are told: a thread leaves the others their share.

The threads are our own: from `concurrent.futures` to asyncio a result goes through two futures and three locks, which
took a tenth of what an answer takes. And of several that rest the one that worked last is woken: the processor's caches
still hold what it needs. In turns one client at a time waited a twelfth longer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from mlops.errors import Transient
from predictor.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    For a moment after that up to `waiting_then` may wait; see `Places`. `timer` returns seconds for it.

    A thread takes up to `at_once` pieces and has `do` do them. Who waits for one waits for those beside it. Each thread
    calls `begin` first.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        waiting: int,
        waiting_then: int | None = None,
        at_once: int = 1,
        do: Callable[[Sequence[Callable[[], Any]]], Sequence[Outcome]] = one_by_one,
        begin: Callable[[], object] = lambda: None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once
        self._begin = begin
        self._do = do
        self._share = threads
        self._places = Places(threads + waiting, threads + (waiting if waiting_then is None else waiting_then))
        self._timer = timer
        self._taken = 0
        self._lock = Lock()
        self._closed = False
        self._waiting: deque[_Piece[Any]] = deque()
        # What wakes each thread that rests, the one that worked last at the end.
        self._resting: list[Lock] = []
        # Daemons: who does not close waits for nobody.
        self._unstarted = [Thread(target=self._work, name=f"{name}_{n}", daemon=True) for n in reversed(range(threads))]
        self._threads: list[Thread] = []

    @property
    def taken(self) -> int:
        """Pieces that run or wait, abandoned ones included."""
        return self._taken

    @property
    def limit(self) -> int:
        """As many may run or wait now."""
        return self._places.limit(self._timer())

    def refused(self, limit: int) -> None:
        """One more was refused, before it came here or here, for `limit` places were taken."""
        self._places.refused(limit, self._timer())

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
            self._drop(piece)

    def close(self) -> None:
        """Wait for what runs, drop what waits."""
        with self._lock:
            self._closed = True
            dropped = self._begun(len(self._waiting))
            self._taken -= len(dropped)
            while self._resting:
                self._resting.pop().release()
        for piece in dropped:
            piece.tell(piece.result.cancel)
        for thread in self._threads:
            thread.join()

    def _put(self, piece: _Piece[T]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("no work is taken after the end")
            if self._taken >= (limit := self.limit):
                self.refused(limit)
                raise Overloaded(
                    f"{self._taken} requests run or wait, {limit} are allowed", hint="ask again in a second"
                )
            self._taken += 1
            self._waiting.append(piece)
            if self._resting:
                self._resting.pop().release()
            elif self._unstarted:
                self._threads.append(self._unstarted.pop())
                self._threads[-1].start()

    def _work(self) -> None:
        self._begin()
        awake = Lock()
        awake.acquire()
        ended: list[tuple[_Piece[Any], Outcome]] = []
        while (pieces := self._next(len(ended), awake)) is not None:
            # Told while this thread rests already: whoever asks again at once finds it so.
            _tell(ended)
            if pieces:
                ended = self._done(pieces)
            else:
                ended = []  # else what they hold lives until the next one comes
                awake.acquire()
        _tell(ended)

    def _next(self, ended: int, awake: Lock) -> list[_Piece[Any]] | None:
        """Give the places of what has `ended` back, and take what waits; nothing to rest until `awake` is released.

        None at the end.
        """
        with self._lock:
            self._taken -= ended
            # Besides the first what waits, but for the share of the other threads.
            beside = min(self._at_once - 1, (len(self._waiting) - 1) // self._share)
            pieces = self._begun(1 + beside)
            if not pieces:
                if self._closed:
                    return None
                self._resting.append(awake)
            return pieces

    def _begun(self, most: int) -> list[_Piece[Any]]:
        """Take up to `most` of the pieces that wait, those that came first. For who has the lock."""
        pieces = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        for piece in pieces:
            piece.begun = True
        return pieces

    def _done(self, pieces: Sequence[_Piece[Any]]) -> list[tuple[_Piece[Any], Outcome]]:
        try:
            outcomes = self._do([piece.work for piece in pieces])
        except BaseException as error:  # noqa: BLE001 - a thread that ended would leave all that come to wait
            outcomes = [Outcome(error=error)] * len(pieces)
        return list(zip(pieces, outcomes, strict=True))

    def _drop(self, piece: _Piece[T]) -> None:
        """Give the place of `piece` back, unless a thread has begun it."""
        with self._lock:
            if not piece.begun:
                self._waiting.remove(piece)
                self._taken -= 1


class _Piece(Generic[T]):
    """Work on its way to a thread, and its result on the way back to the loop that waits for it."""

    def __init__(self, work: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.result: asyncio.Future[T] = loop.create_future()
        self.begun = False

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


def _tell(ended: Sequence[tuple[_Piece[Any], Outcome]]) -> None:
    """Hand each its outcome, in one go for each loop, which is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Piece[Any], Outcome]]] = {}
    for piece, outcome in ended:
        by_loop.setdefault(piece.loop, []).append((piece, outcome))
    for told in by_loop.values():
        told[0][0].tell(_end, told)


def _end(told: Sequence[tuple[_Piece[Any], Outcome]]) -> None:
    for piece, outcome in told:
        piece.end(outcome)


def _outcome(work: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(result=work())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
        return Outcome(error=error)
