from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controller.schedule import check_cron, check_time_zone, next_run


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "due"),
    [
        ("0 3 * * *", "Etc/UTC", "2026-03-01T03:00", "2026-03-02T03:00"),
        ("0 3 * * *", "Europe/Madrid", "2026-01-15T12:00", "2026-01-16T02:00"),
        ("0 3 * * *", "Europe/Madrid", "2026-07-15T12:00", "2026-07-16T01:00"),
        ("*/30 * * * *", "Etc/UTC", "2026-03-01T10:31", "2026-03-01T11:00"),
        ("0 0 29 2 *", "Etc/UTC", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("0 9 * * MON", "America/New_York", "2026-03-01T12:00", "2026-03-02T14:00"),
    ],
)
def test_the_next_run_is_reckoned_in_its_time_zone(schedule: str, zone: str, after: str, due: str):
    assert next_run(schedule, zone, utc(after)) == utc(due)


def test_an_hour_that_does_not_exist_is_not_skipped_for_a_day():
    """Madrid has no 02:30 on 29 March 2026."""
    due = next_run("30 2 * * *", "Europe/Madrid", utc("2026-03-28T12:00"))

    assert utc("2026-03-29T00:00") < due <= utc("2026-03-29T02:00")


def test_an_hour_that_comes_twice_runs_once():
    """Madrid has 02:30 twice on 25 October 2026."""
    first = next_run("30 2 * * *", "Europe/Madrid", utc("2026-10-24T12:00"))

    assert next_run("30 2 * * *", "Europe/Madrid", first).date() == utc("2026-10-26T00:00").date()


@pytest.mark.parametrize(
    "schedule",
    ["", "@daily", "* * * *", "* * * * * *", "60 * * * *", "0 3 * * 7", "0 3 L * *", "0 3 * * 5#2", "0 3 * * 5L", "0 3 ? * *", "a b c d e"],
)  # fmt: skip
def test_a_schedule_that_not_both_shells_can_run_is_refused(schedule: str):
    with pytest.raises(ValueError, match=r"cron|CronJob"):
        check_cron(schedule)


@pytest.mark.parametrize("schedule", ["0 3 * * *", "0 3 * JUL MON-FRI", "*/5 0-6,22 1,15 * 0"])
def test_an_ordinary_schedule_is_taken_as_it_is(schedule: str):
    assert check_cron(schedule) == schedule


@pytest.mark.parametrize("name", ["", "Mars/Phobos", "Europe", "../../etc/passwd", "/etc/localtime", "UTC\0"])
def test_a_time_zone_that_does_not_exist_is_refused(name: str):
    with pytest.raises(ValueError, match="no IANA time zone"):
        check_time_zone(name)


def test_known_time_zones_are_taken():
    assert [check_time_zone(name) for name in ("Etc/UTC", "Europe/Madrid")] == ["Etc/UTC", "Europe/Madrid"]
