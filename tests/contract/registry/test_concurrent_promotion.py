"""Two real processes promote two versions of one model again and again, while a third one keeps looking."""

import json
import subprocess
import sys

import pytest

from mlops.model_registry import ModelRegistry, Stage

from .conftest import wall_clock

pytestmark = [
    pytest.mark.contract,
    pytest.mark.filterwarnings("ignore:::mlflow"),
    pytest.mark.filterwarnings("ignore:::sqlalchemy"),
]

VERSIONS = ("1.0.0", "2.0.0")
ATTEMPTS = 20


@pytest.fixture(params=["database", "server with files"])
def arena(request, open_backend):
    """A registry, and the address at which other processes find the same one."""
    registry = ModelRegistry(open_backend(request.param), wall_clock)
    if request.param == "database":
        return registry, request.getfixturevalue("database_uri")
    return registry, request.getfixturevalue("file_server").url


def start(uri, model, version):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.registry.duellist", uri, model, version, str(ATTEMPTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fight(registry, uri, model):
    """Run the duel; returns what each process reports and how many versions each look found in production."""
    fighters = [start(uri, model, version) for version in VERSIONS]
    try:
        for fighter in fighters:
            assert fighter.stdout.readline() == "ready\n", fighter.stderr.read()
        for fighter in fighters:
            fighter.stdin.write("go\n")
            fighter.stdin.flush()
        looks = []
        while any(fighter.poll() is None for fighter in fighters):
            looks.append(len(registry.list_versions(model, stage=Stage.PRODUCTION)))
            registry.production(model)
        reports = [fighter.communicate() for fighter in fighters]
    finally:
        for fighter in fighters:
            fighter.kill()
            fighter.communicate()
    assert [fighter.returncode for fighter in fighters] == [0, 0], reports
    return [json.loads(out) for out, _ in reports], looks


@pytest.mark.timeout(300)
def test_two_processes_never_make_two_productions_and_lose_no_event(arena, model, artifact):
    registry, uri = arena
    for version in VERSIONS:
        registry.register(
            model,
            version,
            artifact,
            digest=f"sha256:{'a' * 64}",
            metadata={},
            metrics={},
            params={},
            by="ci",
            why="new",
        )
        for stage in (Stage.VALIDATION, Stage.STAGING):
            registry.transition(model, version, stage, by="ci", why="ready")

    reports, looks = fight(registry, uri, model)

    assert len(looks) > ATTEMPTS
    assert max(looks) == 1
    in_production = [each.version for each in registry.list_versions(model, stage=Stage.PRODUCTION)]
    assert len(in_production) == 1
    for version, report in zip(VERSIONS, reports, strict=True):
        outcomes = dict(report)
        assert list(outcomes.values()).count("won") >= 1
        assert [outcome for outcome in outcomes.values() if outcome != "won" and "won the race" not in outcome] == []
        events = registry.history(model, version)
        promoted = [event.why for event in events if event.target is Stage.PRODUCTION]
        assert len(promoted) == len(set(promoted))
        assert {why for why, outcome in outcomes.items() if outcome == "won"} <= set(promoted) <= set(outcomes)
        steps = [(event.source, event.target) for event in events]
        assert [target for _, target in steps[:-1]] == [source for source, _ in steps[1:]], steps
        assert (events[-1].target is Stage.PRODUCTION) == (in_production == [version])
