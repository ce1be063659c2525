"""What was asked lately, without who asked it."""

from __future__ import annotations

from mlops.embedded import recent_queries as module
from mlops.embedded.recent_queries import RecentQueries
from mlops.recommendation import Ask, Filters

VEGAN = Ask(text="soup", k=3, language="es", filters=Filters(diets=frozenset({"vegan"}), max_minutes=20))


def test_queries_come_back_as_they_were_asked_the_latest_first_and_each_once(database, clock):
    queries = RecentQueries(database, clock)
    queries.heard([Ask(text="soup"), VEGAN])
    queries.flush()
    queries.heard([Ask(text="soup")])
    queries.flush()
    assert queries.latest(10) == (Ask(text="soup"), VEGAN)
    assert queries.latest(1) == (Ask(text="soup"),)


def test_what_is_too_old_or_too_much_goes(database, clock, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    queries = RecentQueries(database, clock)
    queries.heard([Ask(text="old")])
    queries.flush()
    clock.pass_by(module.RETENTION.total_seconds() + 1)
    for number in range(5):
        queries.heard([Ask(text=f"new {number}")])
        queries.flush()
    assert [ask.text for ask in queries.latest(10)] == ["new 4", "new 3", "new 2"]


def test_another_process_reads_what_was_flushed(database, clock):
    RecentQueries(database, clock).heard([VEGAN])
    assert RecentQueries(database, clock).latest(10) == ()
