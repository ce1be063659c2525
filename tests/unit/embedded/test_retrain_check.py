"""The facts of a home for the question whether to train again."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.embedded.check_records import CheckRecords
from mlops.embedded.database import Database
from mlops.embedded.drift_file import write_reports
from mlops.embedded.home import Home
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.registry_view import RegistryView
from mlops.embedded.retrain_check import HomeRetrainCheck
from mlops.errors import NotFound
from mlops.model_registry import Stage
from mlops.recipe import corpus_digest
from predictor.ports import RetrainDecision
from tests.builders.corpus import KITCHEN
from tests.builders.registry_world import MODEL, PATH_TO, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def promoted(world):
    version = world.registry.register(
        MODEL,
        "1.0.0",
        world.artifact,
        digest=f"sha256:{'a' * 64}",
        metadata={"data_digest": corpus_digest(sample_recipes())},
        metrics={},
        params={},
        by="ci",
        why="new",
    )
    for stage in PATH_TO[Stage.PRODUCTION]:
        world.move("1.0.0", stage)
    return version.created_at


def check(world, home, now):
    view = RegistryView()
    view.connect(world.registry)
    return HomeRetrainCheck(home, view, lambda: now).check(MODEL)


def test_without_a_production_version_there_is_nothing_to_check(world, home):
    with pytest.raises(NotFound, match="no version in production"):
        check(world, home, None)


def test_a_fresh_version_is_left_alone_with_the_arithmetic(world, home):
    decision = check(world, home, promoted(world) + timedelta(days=2))
    assert decision.retrain is False
    assert "interval: 2.0 days since training < 7 days" in decision.reasons


def test_imported_recipes_are_a_reason_to_train(world, home):
    trained = promoted(world)
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=trained)
    decision = check(world, home, trained + timedelta(days=2))
    assert decision.retrain is True
    assert any(reason.startswith("data-changed: recipes now") for reason in decision.reasons)


def recorded(home, hours, *, clicked=("a", "b"), after):
    """Answers and clicks so many hours after a moment, as the service keeps them, and a line that is being written."""
    shown, feedback = [], []
    for hour in hours:
        answer = {"ts": (after + timedelta(hours=hour)).isoformat(), "recommendation_id": f"r{hour}"}
        shown.append(answer | {"query": f"query {hour}", "lang": "en", "shown": ["x", "a", "b", "c"], "user": None})
        feedback.append(answer | {"clicked": list(clicked), "cooked": [], "ratings": {}})
    (home.feedback / "shown").mkdir(exist_ok=True)
    for path, rows in (("shown/shown_20260701.jsonl", shown), ("feedback_20260701.jsonl", feedback)):
        lines = [json.dumps(row) for row in rows] + ['{"ts": "2026']
        (home.feedback / path).write_text("\n".join(lines), encoding="utf-8")


def test_clicks_since_training_are_counted_and_older_or_torn_lines_are_not(world, home):
    trained = promoted(world)
    recorded(home, (-5, 1, 2), after=trained)
    decision = check(world, home, trained + timedelta(days=1))
    assert "new-data: 2 distinct queries < 100, 4 clicks < 500 since training" in decision.reasons


def test_a_fall_of_clicks_among_the_first_three_is_a_degradation(world, home):
    trained = promoted(world)
    recorded(home, range(400), after=trained)
    path = home.feedback / "feedback_20260701.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:220]), encoding="utf-8")
    decision = check(world, home, trained + timedelta(days=1))
    assert decision.retrain
    assert "degradation: clicks@3 0.1 against 1: 90.0% worse > 5.0% (for)" in decision.reasons


def test_a_run_under_way_and_one_that_has_been_are_known(world, home):
    trained = promoted(world)
    recorded(home, range(60), after=trained)
    with Database.open(home.state) as database:
        table = JobTable(database)
        table.add("run-1", JobKind.RETRAINING, "1.0.0", {}, trained + timedelta(days=9))
        decision = check(world, home, trained + timedelta(days=9, hours=2))
        assert "one-at-a-time: retraining run-1 is under way (against)" in decision.reasons
        table.finish("run-1", {"state": "Succeeded"}, trained + timedelta(days=9, hours=1))
    decision = check(world, home, trained + timedelta(days=9, hours=3))
    assert "cool-down: 3.0 hours since the last retraining < 24 hours (against)" in decision.reasons
    assert not decision.retrain


def test_lasting_drift_of_what_users_ask_is_in_the_answer_and_in_the_record(world, home):
    trained = promoted(world)
    recorded(home, range(60), after=trained)
    told = {"feature": "words", "drifted": True}
    reports = [{"verdict": "Drift", "drift": True, "tests": [told], "reasons": ["words: 0.2 >= 0.03"]}] * 2
    write_reports(home.drift, "1.0.0", reports, trained)
    decision = check(world, home, trained + timedelta(days=2))
    line = "drift: drift in 2 windows in a row >= 2, of words; words: 0.2 >= 0.03 (for)"
    assert decision.retrain
    assert line in decision.reasons
    assert line in CheckRecords(home.retrain_checks).latest(1)[0]["reasons"]
    write_reports(home.drift, "0.9.0", reports, trained)
    assert not check(world, home, trained + timedelta(days=3)).retrain, "of another version"


def test_every_answer_is_kept_with_its_numbers_but_not_every_few_seconds(world, home):
    trained = promoted(world)
    for seconds in (0, 5, 10, 3600, 7 * 86400):
        check(world, home, trained + timedelta(seconds=seconds))
    kept = CheckRecords(home.retrain_checks).latest(10)
    assert [row["ts"][11:16] for row in reversed(kept)] == [
        (trained + timedelta(seconds=seconds)).strftime("%H:%M") for seconds in (0, 3600, 7 * 86400)
    ]
    assert "interval: 7.0 days since training >= 7 days (for)" in kept[0]["reasons"]
    assert kept[0]["retrain"] is False  # nothing to learn from


def test_records_of_checks_do_not_grow_for_ever(home):
    records = CheckRecords(home.retrain_checks)
    for number in range(40):
        answer = RetrainDecision(model=f"m{number}", retrain=False, reasons=("x" * 60_000,))
        records.keep(answer, ("silent",), datetime(2026, 1, 1, tzinfo=UTC))
    assert home.retrain_checks.stat().st_size < 1.2 * (1 << 20)
    assert records.latest(1)[0]["model"] == "m39"


def test_the_store_and_the_training_agree_on_the_digest_of_a_corpus(home):
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=datetime(2026, 1, 1, tzinfo=UTC))
        assert store.digest() == corpus_digest(KITCHEN)
