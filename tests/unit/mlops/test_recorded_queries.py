"""What a replay in a pod asks: the latest different queries of all servers, of a week."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops.recorded_queries import recorded_queries, recorded_windows

NOW = datetime(2026, 7, 8, 12, tzinfo=UTC)


def kept(folder, *rows):
    spool = folder / "shown"
    spool.mkdir(parents=True)
    (spool / "shown_20260708.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def shown(query, *, hours=1, lang="en", **rest):
    return {"ts": (NOW - timedelta(hours=hours)).isoformat(), "query": query, "lang": lang, **rest}


def test_the_newest_come_first_each_once_whichever_pod_was_asked(tmp_path):
    kept(tmp_path / "pod-1", shown("soup", hours=9), shown("rice", hours=3))
    kept(tmp_path / "pod-2", shown("soup", hours=1), shown("sopa", hours=2, lang="es"), shown("soup", hours=5))
    asked = recorded_queries(tmp_path, 10, NOW)
    assert [(ask.text, ask.language) for ask in asked] == [("soup", "en"), ("sopa", "es"), ("rice", "en")]
    assert [ask.text for ask in recorded_queries(tmp_path, 2, NOW)] == ["soup", "sopa"]


def test_what_is_older_than_a_week_is_not_asked_again(tmp_path):
    kept(tmp_path / "pod-1", shown("old", hours=24 * 8), shown("new"))
    assert [ask.text for ask in recorded_queries(tmp_path, 10, NOW)] == ["new"]


def test_a_folder_that_nobody_wrote_to_has_none(tmp_path):
    assert recorded_queries(tmp_path / "nothing", 10, NOW) == ()


@pytest.mark.parametrize(
    "row",
    [{}, shown(""), shown(7), shown("x", lang="de"), shown("x") | {"ts": "yesterday"}, shown("x") | {"ts": "2026-07-08T10:00:00"}],
    ids=["nothing", "no words", "a number", "another language", "no time", "a time of nowhere"],
)  # fmt: skip
def test_a_row_that_is_no_query_is_left_out(tmp_path, row):
    kept(tmp_path / "pod-1", row, shown("soup"))
    assert [ask.text for ask in recorded_queries(tmp_path, 10, NOW)] == ["soup"]


def test_the_latest_queries_and_the_week_before_them_are_two_windows(tmp_path):
    kept(
        tmp_path / "pod-1",
        shown("older", hours=24 * 8 + 1),
        shown("before", hours=25, shown=["r1", "r2"], score=0.5, user="u", version="1.0.0"),
        shown("also before", hours=24 * 7),
        shown("lately", hours=2, shown=[], score=None),
        shown("to come", hours=-1),
        {"query": "never"},
    )
    before, lately = recorded_windows(tmp_path, NOW, timedelta(hours=24))

    assert [event.query for event in before.events] == ["before", "also before"]
    assert before.events[0].fields == {"shown (count)": 2.0, "score": 0.5}
    assert [(event.query, event.fields) for event in lately.events] == [("lately", {"shown (count)": 0.0})]


def test_nobody_asked_is_a_window_without_queries(tmp_path):
    before, lately = recorded_windows(tmp_path / "nothing", NOW, timedelta(hours=1))
    assert (before.events, lately.events) == ((), ())
