"""The bounded executor."""

from __future__ import annotations

import asyncio
import gc
from threading import Barrier, Event, current_thread
from weakref import WeakSet

import pytest

from predictor.workers import DeadlineExceeded, Overloaded, Workers


@pytest.fixture
def workers():
    workers = Workers("test", threads=1, waiting=1)
    yield workers
    workers.close()


def test_work_returns_its_result_off_the_event_loop(workers):
    from_thread = asyncio.run(workers.run(lambda: current_thread().name, seconds=5))

    assert from_thread.startswith("test")


def test_work_that_raises_raises_in_the_caller(workers):
    with pytest.raises(KeyError):
        asyncio.run(workers.run(lambda: {}["x"], seconds=5))
    assert workers.taken == 0


def test_a_timeout_of_the_works_own_is_not_the_deadline(workers):
    def slow_socket():
        raise TimeoutError("socket")

    with pytest.raises(TimeoutError, match="socket"):
        asyncio.run(workers.run(slow_socket, seconds=5))


def test_work_that_waits_past_its_deadline_is_never_begun(workers):
    gate, begun = Event(), []

    async def scenario():
        first = asyncio.ensure_future(workers.run(gate.wait, seconds=5))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded, match=r"no result within 0\.05 s"):
            await workers.run(lambda: begun.append(1), seconds=0.05)
        gate.set()
        return await first

    assert asyncio.run(scenario())
    assert (begun, workers.taken) == ([], 0)


def test_for_a_moment_after_one_was_refused_fewer_may_wait():
    gate, now = Event(), [0.0]
    workers = Workers("test", threads=1, waiting=3, waiting_then=1, timer=lambda: now[0])

    async def scenario():
        waiting = [asyncio.ensure_future(workers.run(gate.wait, seconds=30)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="4 requests run or wait, 4 are allowed"):
            await workers.run(gate.wait, seconds=30)
        for left in waiting[2:]:
            left.cancel()
        await asyncio.wait(waiting[2:])
        with pytest.raises(Overloaded, match="2 requests run or wait, 2 are allowed"):
            await workers.run(gate.wait, seconds=30)
        now[0] = 1.0
        waiting[2:] = [asyncio.ensure_future(workers.run(gate.wait, seconds=30)) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(scenario()) == [True] * 4
    workers.close()


def test_a_thread_begins_before_it_works():
    begun = []
    workers = Workers("test", threads=1, waiting=1, begin=lambda: begun.append(current_thread().name))

    for _ in range(2):
        assert asyncio.run(workers.run(begun.copy, seconds=5)) == ["test_0"]
    workers.close()


def test_more_than_may_wait_is_refused_with_the_arithmetic(workers):
    gate = Event()

    async def scenario():
        taken = [asyncio.ensure_future(workers.run(gate.wait, seconds=5)) for _ in range(2)]
        await asyncio.sleep(0)
        assert workers.taken == workers.limit
        with pytest.raises(Overloaded, match="2 requests run or wait, 2 are allowed"):
            await workers.run(gate.wait, seconds=5)
        gate.set()
        await asyncio.gather(*taken)

    asyncio.run(scenario())


class Held:
    """Work that says when it has begun, and goes on when it may."""

    def __init__(self):
        self.begun, self.gate = Event(), Event()

    def __call__(self):
        self.begun.set()
        return self.gate.wait(timeout=30)


async def give_up(asking):
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def test_abandoned_work_keeps_its_place_until_it_ends(workers):
    held = Held()

    async def scenario():
        abandoned = asyncio.ensure_future(workers.run(held, seconds=5))
        await asyncio.to_thread(held.begun.wait)
        await give_up(abandoned)
        assert workers.taken == 1
        held.gate.set()
        await workers.run(lambda: None, seconds=5)

    asyncio.run(scenario())
    assert workers.taken == 0


def test_a_caller_that_is_cancelled_gives_back_the_place_of_what_has_not_begun(workers):
    gate, begun = Event(), []

    async def scenario():
        running, waiting = (
            asyncio.ensure_future(workers.run(work, seconds=5)) for work in (gate.wait, lambda: begun.append(1))
        )
        await asyncio.sleep(0)
        await give_up(waiting)
        assert workers.taken == 1
        gate.set()
        await running

    asyncio.run(scenario())
    assert (begun, workers.taken) == ([], 0)


def test_closing_waits_for_what_runs_and_drops_what_waits():
    workers, held, begun = Workers("test", threads=1, waiting=1), Held(), []

    async def scenario():
        running, waiting = (
            asyncio.ensure_future(workers.run(work, seconds=5)) for work in (held, lambda: begun.append(1))
        )
        await asyncio.to_thread(held.begun.wait)
        closing = asyncio.ensure_future(asyncio.to_thread(workers.close))
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not closing.done(), "something still runs"
        held.gate.set()
        await closing
        return await running

    assert asyncio.run(scenario())
    assert (begun, workers.taken) == ([], 0)
    with pytest.raises(RuntimeError):
        asyncio.run(workers.run(lambda: None, seconds=5))


def test_work_may_outlive_the_loop_that_asked_for_it(workers):
    held = Held()

    async def scenario():
        asyncio.ensure_future(workers.run(held, seconds=5))  # noqa: RUF006 - the end of the loop cancels it
        await asyncio.to_thread(held.begun.wait)

    asyncio.run(scenario())
    held.gate.set()
    assert asyncio.run(workers.run(lambda: "the thread goes on", seconds=5)) == "the thread goes on"


def test_of_threads_that_rest_the_one_that_worked_last_is_woken():
    workers = Workers("test", threads=2, waiting=1)
    both = Barrier(2)

    def meet():
        both.wait(timeout=30)
        return current_thread().name

    async def scenario():
        began = await asyncio.gather(workers.run(meet, seconds=30), workers.run(meet, seconds=30))
        return began, [await workers.run(lambda: current_thread().name, seconds=30) for _ in range(20)]

    began, then = asyncio.run(scenario())
    workers.close()

    assert sorted(began) == ["test_0", "test_1"], "each of two at once has a thread of its own"
    assert len(set(then[1:])) == 1


def test_what_is_given_up_while_a_thread_hangs_is_not_kept(workers):
    held, given_up = Held(), WeakSet()

    async def scenario():
        hangs = asyncio.ensure_future(workers.run(held, seconds=30))
        await asyncio.to_thread(held.begun.wait)
        for _ in range(50):
            work = Held()
            given_up.add(work)
            asking = asyncio.ensure_future(workers.run(work, seconds=30))
            del work
            await asyncio.sleep(0)
            await give_up(asking)
            assert workers.taken == 1
        gc.collect()
        held.gate.set()
        await hangs
        return len(given_up)

    assert asyncio.run(scenario()) <= 1, "the last may live in its traceback"


def test_closing_twice_is_closing_once(workers):
    asyncio.run(workers.run(lambda: None, seconds=30))

    workers.close()
    workers.close()
