import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Invalid, Permanent
from mlops.registry.backend import StoredVersion
from mlops.registry.record import (
    MAX_DOCUMENT_BYTES,
    check_digest,
    check_metrics,
    check_model_name,
    document,
    event_key,
    event_tag,
    mlflow_names,
    read_record,
    shortened,
)
from mlops.registry.stages import Stage
from mlops.registry.values import HistoryEvent

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DIGEST = f"sha256:{'a' * 64}"


def make_event(at=NOON, source=None, target=Stage.TRAINING, **changes):
    values = {"key": event_key(at, "0"), "at": at, "by": "ana", "why": "first try", "source": source, "target": target}
    return HistoryEvent(**{**values, **changes})


def make_stored(*events, **tags):
    written = {
        "recipes.version": "1.0.0",
        "recipes.stage": "Training",
        "recipes.digest": DIGEST,
        "recipes.metadata": "{}",
        "recipes.metrics": "{}",
    } | {f"recipes.{name}": value for name, value in tags.items()}
    written |= dict(event_tag(event) for event in events or [make_event()])
    kept = {key: value for key, value in written.items() if value is not None}
    return StoredVersion(model="recipes", number=3, source="file:///a", run_id="r", tags=kept)


@given(st.text(), st.text(), st.sampled_from([None, *Stage]), st.sampled_from(list(Stage)))
def test_an_event_is_read_as_it_was_written(by, why, source, target):
    event = make_event(by=by, why=why, source=source, target=target)
    record = read_record(make_stored(event))
    assert record is not None
    assert record.events == (event,)


def test_events_are_in_the_order_of_their_times():
    events = [make_event(NOON + timedelta(seconds=seconds)) for seconds in (30, 10, 20)]
    record = read_record(make_stored(*events))
    assert [event.at.second for event in record.events] == [10, 20, 30]


def test_keys_order_by_time_whatever_the_zone():
    tokyo = timezone(timedelta(hours=9))
    assert event_key(NOON.astimezone(tokyo), "a") == event_key(NOON, "a")
    assert event_key(NOON, "z") < event_key(NOON + timedelta(microseconds=1), "a")


def test_a_version_of_some_other_program_is_none_of_ours():
    assert read_record(StoredVersion(model="m", number=1, source="", run_id="", tags={"validation": "ok"})) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"stage": "Live"},
        {"stage": None},
        {"version": "newest"},
        {"digest": None},
        {"metadata": "{"},
        {"metadata": "[1]"},
        {"metrics": None},
        {"history.x": "{}"},
        {"history.x": "not json"},
        {"history.x": json.dumps({"at": "yesterday", "by": "", "why": "", "from": None, "to": "Training"})},
    ],
)
def test_a_damaged_tag_is_named_not_guessed(damage):
    with pytest.raises(Permanent, match="version 3 of recipes has a damaged tag"):
        read_record(make_stored(**damage))


def test_a_version_without_any_history_is_damaged():
    stored = make_stored()
    tags = {key: value for key, value in stored.tags.items() if "history" not in key}
    with pytest.raises(Permanent, match="damaged"):
        read_record(StoredVersion(model="m", number=1, source="", run_id="", tags=tags))


def test_metadata_keep_what_json_can_say():
    text = document({"notes": "crème brûlée 🍮", "depth": {"a": [1, 2.5, None]}}, "the metadata")
    assert json.loads(text) == {"notes": "crème brûlée 🍮", "depth": {"a": [1, 2.5, None]}}


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": float("nan")}, {"a": "\ud800"}])
def test_metadata_that_are_no_json_are_refused(value):
    with pytest.raises(Invalid, match="the metadata cannot be written as JSON"):
        document(value, "the metadata")


def test_metadata_that_no_database_column_holds_are_refused_with_both_sizes():
    with pytest.raises(Invalid, match=f"take 80009 bytes as JSON, the limit is {MAX_DOCUMENT_BYTES}"):
        document({"a": "é" * 40_000}, "the metadata")


def test_a_long_reason_is_cut_rather_than_refused():
    assert shortened("x" * 4000) == "x" * 4000
    assert shortened("x" * 9000).endswith("x…")
    assert len(shortened("x" * 9000)) == 4000


def test_metric_names_become_what_mlflow_accepts():
    assert mlflow_names({"ndcg@10": 1, "slice/es:mrr@10": 2, "size (MB)": 3, "año": 4}, "metrics") == {
        "ndcg_at_10": 1,
        "slice/es:mrr_at_10": 2,
        "size _MB_": 3,
        "a_o": 4,
    }


def test_two_names_that_become_one_are_refused():
    with pytest.raises(Invalid, match="two metrics"):
        mlflow_names({"ndcg@10": 1, "ndcg_at_10": 2}, "metrics")


@pytest.mark.parametrize("name", ["", "-a", "a b", "x' OR name != '", "a/b", "a:b", "é", "a\n", "a" * 101])
def test_names_that_could_leave_a_filter_are_refused(name):
    with pytest.raises(Invalid):
        check_model_name(name)


@pytest.mark.parametrize("digest", ["", "sha256:", "md5:" + "a" * 64, "sha256:" + "A" * 64, "a" * 64, DIGEST + "\n"])
def test_a_digest_is_a_full_sha256(digest):
    with pytest.raises(Invalid):
        check_digest(digest)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_is_a_finite_number(value):
    with pytest.raises(Invalid, match="metric mrr is"):
        check_metrics({"ndcg": 0.5, "mrr": value})
