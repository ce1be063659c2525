"""What was decided can be asked later, and decided again."""

from __future__ import annotations

import pytest

from controller.actions import Notify
from controller.replay import replay
from controller.resource.reasons import Reason
from mlops.embedded import records as module
from mlops.embedded.records import Records
from tests.scenarios.steps import in_production, model, push
from tests.toyworld.toy_world import ToyWorld


@pytest.fixture(scope="module")
def life():
    world = ToyWorld()
    for step in (model(), in_production("1.0.0"), push("1.1.0", quality=0.5)):
        step(world)
    world.advance(20)
    return world


@pytest.fixture
def records(database):
    return Records(database)


def test_the_record_of_a_version_holds_every_decision_that_changed_it_and_replays_to_the_same_end(records, life):
    for record in life.records:
        records.append(*record)
    first, second = records.of_version("1.0.0"), records.of_version("1.1.0")
    assert len(first) > len(second) > 3
    assert replay((*first, *second)) == ()
    assert second[-1].decision["statuses"]["1.1.0"]["stage"] == "Archived"
    assert records.of_version("9.9.9") == ()


def test_the_oldest_decisions_go_first(records, life, monkeypatch):
    monkeypatch.setattr(module, "KEPT_RECORDS", 2)
    for record in life.records[:5]:
        records.append(*record)
    kept = records.of_version("1.0.0")
    assert [record.at for record in kept] == [at for at, _, _ in life.records[3:5]]


def test_a_whole_life_of_records_is_small(records, life, database):
    for record in life.records:
        records.append(*record)
    (size,) = database.read("SELECT MAX(LENGTH(body)) FROM records")[0]
    assert size < 20_000, "KEPT_RECORDS of these must not fill a disk"


def notice(name: str, version: str | None = "1.0.0") -> Notify:
    return Notify(name=name, version=version, reason=Reason.GATE_FAILED, message="0.4 < 0.5", warning=True)


def test_a_notice_is_told_once_per_name(records, clock):
    assert records.tell(notice("a"), clock())
    assert not records.tell(notice("a"), clock())
    assert records.tell(notice("b", version=None), clock())
    assert [(told.version, told.reason, told.warning) for told in records.notices()] == [
        ("1.0.0", "GateFailed", True),
        (None, "GateFailed", True),
    ]
    assert len(records.notices("1.0.0")) == 1


def test_notices_beyond_the_limit_go(records, clock, monkeypatch):
    monkeypatch.setattr(module, "KEPT_NOTICES", 3)
    for number in range(10):
        records.tell(notice(str(number), version=str(number)), clock())
    assert [told.version for told in records.notices()] == ["7", "8", "9"]


def test_together_all_of_it_is_kept_or_nothing(records, life, clock):
    def fail():
        with records.together():
            records.append(*life.records[0])
            records.tell(notice("a"), clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert records.notices() == ()
    assert records.of_version("1.0.0") == ()
