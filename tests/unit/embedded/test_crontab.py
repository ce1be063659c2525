"""`recipes retrain cron`: the line it prints is one that cron takes, with all it needs and no secret in it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mlops.cli.crontab import NIGHTLY, crontab_line
from mlops.cli.main import build_app
from mlops.embedded.database import Database
from mlops.embedded.facts import Answering, Facts
from mlops.embedded.home import Home
from mlops.errors import NotFound, Permanent

WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\n\r"), min_size=1, max_size=20).filter(
    lambda word: "\\%" not in word
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """One with a version in production, and a shell whose folder it is beside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECIPES_HOME", "home")
    made = Home(tmp_path / "home")
    made.prepare()
    with Database.open(made.state) as database, database.transaction():
        Facts(database).set_traffic([Answering(version="1.0.0", digest="sha256:a", folder="a", weight=100)])
    return made


def run(*arguments):
    return CliRunner().invoke(build_app(), ["retrain", "cron", *arguments])


def model(tmp_path, **retraining):
    manifest = tmp_path / "model.json"
    manifest.write_text(
        json.dumps(
            {
                "apiVersion": "mlops.recipe-recommender.io/v1alpha1",
                "kind": "Model",
                "metadata": {"name": "recipes"},
                "spec": {"retraining": retraining},
            }
        )
    )
    done = CliRunner().invoke(build_app(), ["apply", "-f", str(manifest)])
    assert done.exit_code == 0, done.output


def test_without_a_schedule_it_is_every_night(home):
    line = run().stdout
    assert line.startswith(f"{NIGHTLY} cd ")
    assert f"RECIPES_HOME={home.root} " in line
    assert "recipes retrain start --when-due --reason cron >> " in line
    assert line.endswith(f">> {home.root}/cron.log 2>&1\n")


def test_the_models_schedule_is_taken_with_its_time_zone(home, tmp_path):
    model(tmp_path, schedule="0 3 * * 1", timeZone="Europe/Madrid")
    zone, line = run().stdout.splitlines()
    assert (zone, line[:13]) == ("CRON_TZ=Europe/Madrid", "0 3 * * 1 cd ")


def test_one_given_by_hand_goes_by_the_time_of_the_machine(home, tmp_path):
    model(tmp_path, schedule="0 3 * * 1", timeZone="Europe/Madrid")
    assert run("--schedule", "5 5 * * *").stdout.startswith("5 5 * * * cd ")


def test_a_schedule_that_is_none_is_refused_with_the_reason(home):
    done = run("--schedule", "at night")
    assert done.exit_code == 2
    assert "five" in done.output


def test_a_home_without_production_has_nothing_to_retrain(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPES_HOME", str(tmp_path))
    assert isinstance(run().exception, NotFound)


def test_what_the_shell_says_goes_into_the_line_and_secrets_do_not(home, monkeypatch):
    monkeypatch.setenv("RECIPES_TRANSLATOR", "identity")
    monkeypatch.setenv("RECIPES_FEEDBACK_DATABASE", "postgresql://me:hunter2@db/feedback")
    monkeypatch.setenv("RECIPES_MLFLOW_URI", "http://me:hunter2@mlflow")
    done = run()
    assert "RECIPES_TRANSLATOR=identity " in done.stdout
    assert "hunter2" not in done.output
    assert "RECIPES_FEEDBACK_DATABASE, RECIPES_MLFLOW_URI" in done.stderr


@example(program="recipes", folder="kitchen", home="/")
@given(program=WORDS, folder=WORDS, home=WORDS)
def test_a_shell_that_cron_gives_the_line_to_reads_what_was_meant(program, folder, home):
    line = crontab_line(
        NIGHTLY, program=Path("/bin", program), folder=Path("/srv", folder), settings={"RECIPES_HOME": f"/var/{home}"}
    )
    command = line.removeprefix(f"{NIGHTLY} ")
    assert not re.search(r"(?<!\\)%", command), "cron ends the command at a % of its own"
    assert shlex.split(command.replace("\\%", "%")) == [
        "cd", str(Path("/srv", folder)), "&&", f"RECIPES_HOME=/var/{home}", str(Path("/bin", program)),
        "retrain", "start", "--when-due", "--reason", "cron", ">>", str(Path(f"/var/{home}", "cron.log")), "2>&1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "told"), [("/a\nb", "line break"), ("/a\rb", "line break"), ("/a\\%b", "backslash")]
)
def test_a_folder_that_no_crontab_can_name_is_refused(folder, told):
    with pytest.raises(Permanent, match=told):
        crontab_line(NIGHTLY, program=Path("/bin/recipes"), folder=Path(folder), settings={"RECIPES_HOME": "/h"})
