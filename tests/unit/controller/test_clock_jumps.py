from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.clock import elapsed, rewound, rewound_model
from controller.resource.model_status import ModelStatus, Restoration, RetrainingStatus
from controller.resource.reasons import Reason
from controller.resource.version_status import Bake, Canary, Checks, Retries, VersionStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = NOW + timedelta(hours=1)
CHECKS = Checks(last_at=AHEAD, asked_at=AHEAD, unsettled_since=AHEAD)


def test_after_a_jump_back_every_running_clock_shows_the_present():
    status = VersionStatus(
        since=AHEAD,
        canary=Canary(step=0, steps=2, applied_at=AHEAD, waiting_since=AHEAD, checks=CHECKS),
        bake=Bake(started_at=AHEAD, checks=CHECKS),
        retries=Retries(attempt=1, count=1, errors=1, since=AHEAD, next_at=AHEAD),
        promoted_at=AHEAD,
    )

    brought = rewound(status, NOW)

    now = Checks(last_at=NOW, asked_at=NOW, unsettled_since=NOW)
    assert brought == VersionStatus(
        since=NOW,
        canary=Canary(step=0, steps=2, applied_at=NOW, waiting_since=NOW, checks=now),
        bake=Bake(started_at=NOW, checks=now),
        retries=Retries(attempt=1, count=1, errors=1, since=NOW, next_at=NOW),
        promoted_at=AHEAD,  # a record, not a clock
    )
    assert rewound(brought, NOW) is brought


def test_a_status_whose_clocks_lie_behind_is_left_as_it_is():
    status = VersionStatus(
        since=NOW,
        retries=Retries(attempt=1, count=1, errors=1, since=NOW, next_at=AHEAD),
        canary=Canary(step=0, steps=1),
    )

    assert rewound(status, NOW) is status


def test_the_models_clocks_are_brought_back_too():
    restoring = Restoration(to="1.0.0", instead_of=None, reason=Reason.PINNED, message="", since=AHEAD)
    status = ModelStatus(restoring=restoring, retraining=RetrainingStatus(last_started=AHEAD))

    brought = rewound_model(status, NOW)

    assert brought.restoring is not None
    assert brought.restoring.since == brought.retraining.last_started == NOW


@given(st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400)))
def test_no_wait_is_negative(jump: timedelta):
    assert elapsed(NOW, NOW + jump) == max(0, int(jump.total_seconds()))
