"""The bounded executor."""

from __future__ import annotations

import asyncio
from threading import Event, current_thread

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


def test_more_than_may_wait_is_refused_with_the_arithmetic(workers):
    gate = Event()

    async def scenario():
        taken = [asyncio.ensure_future(workers.run(gate.wait, seconds=5)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="2 requests run or wait, 2 are allowed"):
            await workers.run(gate.wait, seconds=5)
        gate.set()
        await asyncio.gather(*taken)

    asyncio.run(scenario())
