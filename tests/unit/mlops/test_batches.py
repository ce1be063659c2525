"""Things are written in their order, together, and none twice or not at all."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from mlops.batches import Batches


@pytest.mark.parametrize("linger", [0.0, 0.005], ids=["at once", "gathered"])
def test_all_is_written_once_and_each_threads_in_its_order(linger):
    written = []
    batches = Batches(written.extend, "test", waiting=100_000, most=64, linger=linger)
    threads = [Thread(target=lambda who=who: [batches.put((who, each)) for each in range(500)]) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches.close()

    assert len(written) == 2000
    for who in range(4):
        assert [each for by, each in written if by == who] == list(range(500))


def test_what_comes_while_it_writes_waits_together_and_what_finds_no_room_is_refused():
    begun, go, batches_of = Event(), Event(), []

    def write(items):
        batches_of.append(list(items))
        begun.set()
        assert go.wait(timeout=30)

    batches = Batches(write, "test", waiting=3, most=2)
    assert batches.put(0)
    assert begun.wait(timeout=30)
    assert [batches.put(each) for each in (1, 2, 3, 4)] == [True, True, True, False]
    go.set()
    batches.close()

    assert batches_of == [[0], [1, 2], [3]]
