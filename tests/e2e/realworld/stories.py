"""Stories that only a cluster can tell, in the verbs of the scenarios: admission, the default confidence, the record."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.steps import (
    Scenario,
    Units,
    answered_by,
    approve,
    eventually,
    has_weight,
    in_production,
    intent,
    model,
    never_above,
    patch,
    push,
    stays,
    story,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.realworld.real_world import RealWorld

MANUAL = {"policy": "Manual"}
# One step; how it is judged is all default: two gates at a confidence of 0.95.
HALF: dict[str, Any] = {
    "steps": [{"weight": 50, "pauseSeconds": Units(1)}],
    "analysis": {"intervalSeconds": Units(1)},
}
_MANY = 40.0  # a second


def crowd(per_second: float) -> Callable[[RealWorld], None]:
    """So many users ask from now on."""
    return lambda world: world.asked.ask(per_second)


def may_not_approve(version: str, by: str, *, really: str, told: str) -> Callable[[RealWorld], None]:
    """The API refuses the approval, and says why."""

    def step(world: RealWorld) -> None:
        with pytest.raises(PermissionError, match=told):
            world.approve(version, by=by, really=really)

    return step


def judged_by_bounds(version: str, *, samples: int) -> Callable[[RealWorld], None]:
    """The last check of the error rate knew bounds, of so many requests at least."""

    def step(world: RealWorld) -> None:
        (errors,) = [each for each in world.last_check(version) if each["metric"] == "error-rate"]
        assert errors["samples"] >= samples, errors
        assert {"low", "high"} <= set(errors), errors

    return step


def told_by_the_log(version: str) -> Callable[[RealWorld], None]:
    """What people ask about a decision that is past: as it was, and whether it would be decided so again."""

    def step(world: RealWorld) -> None:
        records = world.decisions[version]
        first = next(record for record in records if record.left(version)[0].status.weight == 10)
        then = _recipes(world, "explain", version, "--at", first.at.isoformat())
        assert "is in Staging" in then, then
        assert "weight 10 %" in then, then
        assert "is in Archived" in _recipes(world, "explain", version)
        replayed = json.loads(_recipes(world, "replay", version, "--json"))
        assert (replayed["differences"], replayed["decisions"]) == ([], len(records))

    return step


def _recipes(world: RealWorld, *words: str) -> str:
    """`kubectl recipes` as its user has it."""
    asked = [sys.executable, "-m", "mlops.cli.kubectl", *words, *world.flags]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


STORIES: tuple[Scenario, ...] = (
    story(
        "an approval in another person's name, or of one who may not, is refused by the API",
        model(),
        in_production("1.0.0"),
        push("1.1.0", spec={"approval": MANUAL}),
        eventually("1.1.0", stage="Staging", reason="AwaitingApproval"),
        may_not_approve("1.1.0", by="carla", really="dora", told="spec.approver is carla, but you are dora"),
        may_not_approve("1.1.0", by="mallory", really="mallory", told="ask for the verb approve"),
        never_above("1.1.0", 0, units=3),
        stays("1.1.0", stage="Staging", reason="AwaitingApproval", units=2),
        approve("1.1.0", by="carla"),
        eventually("1.1.0", stage="Production"),
    ),
    story(
        "at the default confidence a version goes out once many requests prove that it is no worse than may be",
        model(),
        in_production("1.0.0"),
        patch(rollout=HALF),
        crowd(_MANY),
        push("1.1.0"),
        has_weight("1.1.0", 50),
        eventually("1.1.0", stage="Production", reason="InProduction"),
        judged_by_bounds("1.1.0", samples=200),
    ),
    story(
        "at the default confidence a version that fails one of twelve users is taken back in its first step",
        model(),
        in_production("1.0.0"),
        patch(rollout=HALF),
        crowd(_MANY),
        push("1.1.0", error_rate=1 / 12),
        has_weight("1.1.0", 50),
        never_above("1.1.0", 50, units=3),
        eventually("1.1.0", stage="Archived", reason="AnalysisFailed"),
        answered_by(v1_0_0=100),
        judged_by_bounds("1.1.0", samples=30),
    ),
    story(
        "a decision that is past is explained, and decided again, from the controller's log",
        model(),
        in_production("1.0.0"),
        push("1.1.0"),
        has_weight("1.1.0", 10),
        # Decisions have whole seconds: what is asked for must be another one.
        stays("1.1.0", stage="Staging", units=1),
        intent("1.1.0", "Abort"),
        eventually("1.1.0", stage="Archived", reason="Aborted"),
        told_by_the_log("1.1.0"),
    ),
)
