"""`recipes retrain …` and `recipes feedback …` over a home: what they print, and how they end."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from mlops.cli.main import build_app
from mlops.embedded.check_records import CheckRecords
from mlops.embedded.database import Database
from mlops.embedded.home import Home
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.user_salt import user_salt
from mlops.errors import Conflict, NotFound, Permanent
from mlops.feedback import user_hash
from predictor.ports import RetrainDecision

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
SPEC = {"parent": "1.0.0", "reason": "new data", "trigger": "NewData"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPES_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def run(*arguments):
    return CliRunner().invoke(build_app(), list(arguments), catch_exceptions=True)


def printed(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def fault(*arguments):
    done = run(*arguments)
    assert done.exception is not None
    return done.exception


def put_down(home, name, answer=None):
    with Database.open(home.state) as database:
        table = JobTable(database)
        table.add(name, JobKind.RETRAINING, "1.0.0", SPEC, AT)
        if answer is not None:
            table.finish(name, answer, AT)


def test_runs_are_listed_with_what_they_came_to_the_latest_first(home):
    put_down(home, "run-1", {"state": "Succeeded", "candidate": {"version": "1.0.1"}})
    put_down(home, "run-2", {"state": "Failed", "message": "its process died 3 times"})
    put_down(home, "run-3")
    rows = printed("retrain", "jobs")
    assert [(row["name"], row["state"], row["version"], row["message"]) for row in rows] == [
        ("run-3", "Running", None, ""),
        ("run-2", "Failed", None, "its process died 3 times"),
        ("run-1", "Succeeded", "1.0.1", ""),
    ]
    assert (rows[0]["trigger"], rows[0]["parent"], rows[0]["reason"]) == ("NewData", "1.0.0", "new data")


def test_a_home_without_runs_says_so(home):
    assert printed("retrain", "jobs") == []
    assert "nothing" in run("retrain", "jobs").stdout


def test_the_run_under_way_is_cancelled_and_only_once(home):
    put_down(home, "run-1")
    assert run("retrain", "cancel").exit_code == 0
    assert printed("retrain", "jobs")[0]["message"] == "cancelled"
    assert isinstance(fault("retrain", "cancel"), NotFound)
    assert isinstance(fault("retrain", "cancel", "run-1"), Permanent)
    assert isinstance(fault("retrain", "cancel", "run-9"), NotFound)


def test_answers_to_the_check_are_shown_newest_first(home):
    records = CheckRecords(home.retrain_checks)
    for retrain, voice in ((False, "silent"), (True, "for")):
        records.keep(RetrainDecision(model="recipes", retrain=retrain, reasons=("interval: …",)), (voice,), AT)
    assert [row["retrain"] for row in printed("retrain", "checks")] == [True, False]


def test_one_retraining_at_a_time(home, monkeypatch):
    put_down(home, "run-1")
    monkeypatch.setattr(Home, "production", lambda _: type("Answering", (), {"version": "1.0.0"}))
    error = fault("retrain", "start")
    assert isinstance(error, Conflict)
    assert "run-1 is under way" in error.message


def test_nothing_to_retrain_on_top_of(home):
    assert isinstance(fault("retrain", "start"), NotFound)


def test_a_retraining_from_a_file_names_what_is_missing(home):
    done = run("retrain", "--artifact", "somewhere")
    assert done.exit_code == 2
    assert "--feedback, --out" in done.output


def record(home, user):
    row = {"ts": "2026-01-01T00:00:00Z", "recommendation_id": "1.0.0~1", "user": user}
    shown = home.feedback / "shown"
    shown.mkdir()
    answer = {**row, "query": "soup", "lang": "en", "shown": ["a", "b"]}
    (shown / "shown_20260101.jsonl").write_text(json.dumps(answer) + "\n")
    feedback = {**row, "clicked": ["a"], "cooked": [], "ratings": {}}
    (home.feedback / "feedback_20260101.jsonl").write_text(json.dumps(feedback) + "\n")


def test_sessions_are_exported_once(home, tmp_path):
    record(home, "ab")
    out = tmp_path / "sessions.jsonl"
    assert printed("feedback", "export", "--out", str(out)) == {"sessions": 1, "with_feedback": 1}
    assert json.loads(out.read_text())["clicked"] == ["a"]
    assert isinstance(fault("feedback", "export", "--out", str(out)), Conflict)


def test_a_user_is_forgotten_by_the_name_that_clients_send(home):
    record(home, user_hash("jane", user_salt(home).encode()))
    assert printed("feedback", "erase", "john") == {"erased": 0}
    assert printed("feedback", "erase", "jane") == {"erased": 2}


def test_a_home_has_a_database_of_its_own_unless_one_is_named(home, tmp_path, monkeypatch):
    record(home, user_hash("jane", user_salt(home).encode()))
    assert printed("feedback", "load") == {"answers": 1, "feedback": 0, "broken": 1}
    assert (home.root / "feedback.db").exists()
    out = tmp_path / "from-database.jsonl"
    assert printed("feedback", "export", "--out", str(out), "--database")["sessions"] == 1
    assert printed("feedback", "prune", "--days", "1") == {"pruned": 1, "folders": []}

    monkeypatch.setenv("RECIPES_FEEDBACK_DATABASE", f"sqlite:///{tmp_path / 'other.db'}")
    assert printed("feedback", "load")["answers"] == 1
    assert printed("feedback", "erase", "jane") == {"erased": 3}
    assert printed("feedback", "load")["answers"] == 0
