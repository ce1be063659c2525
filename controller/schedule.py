"""When a cron schedule is due next, in its time zone. Pure: the present is an argument.

Cron arithmetic, daylight saving included, is cronsim's. Refused is what cronsim knows and Kubernetes does not,
so that one manifest means the same in both shells.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_NOT_IN_CRONJOBS = re.compile(r"#|\?|(?:^|[\s,\d])[LW](?:[\s,]|$)")


def check_cron(schedule: str) -> str:
    """Return `schedule` if both shells can run it; raise ValueError that says why not."""
    fields = schedule.split()
    if len(fields) != _FIELDS:
        raise ValueError(f"{schedule!r} has {len(fields)} fields; cron needs five: minute hour day month weekday")
    if _NOT_IN_CRONJOBS.search(schedule):
        raise ValueError(f"{schedule!r} uses L, W, ? or #, which a Kubernetes CronJob does not know")
    if "7" in re.split(r"[,/-]", fields[4]):
        raise ValueError(f"{schedule!r} names weekday 7, which a Kubernetes CronJob does not know; Sunday is 0")
    try:
        next(CronSim(schedule, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"{schedule!r} is no cron schedule: {error}") from error
    except StopIteration as error:
        raise ValueError(f"{schedule!r} never comes due") from error
    return schedule


def check_time_zone(name: str) -> str:
    """Return `name` if the IANA database knows it; raise ValueError otherwise."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # unknown; a directory; a path that leaves the database
        raise ValueError(f"{name!r} is no IANA time zone such as Europe/Madrid") from error
    return name


def next_run(schedule: str, time_zone: str, after: datetime) -> datetime:
    """Return the first instant later than `after` (aware) at which `schedule` is due, in UTC."""
    local = after.astimezone(ZoneInfo(time_zone))
    return next(CronSim(schedule, local)).astimezone(UTC)
