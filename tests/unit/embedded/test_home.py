"""The home folder of the laptop shell."""

import os

import pytest

from mlops.embedded.database import Database
from mlops.embedded.facts import Answering, Facts
from mlops.embedded.home import Home
from mlops.errors import NotFound, Permanent


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "data")
    home.prepare()
    return home


def test_nothing_is_in_production_at_first(home):
    with pytest.raises(NotFound, match="no version in production"):
        home.production()


def test_who_answers_most_users_is_in_production_also_when_nothing_runs(home):
    shares = [
        Answering(version=version, weight=weight, digest=f"sha256:{version}", folder=home.root / "a b" / version)
        for version, weight in (("1.0.0", 90), ("1.1.0", 10))
    ]
    with Database.open(home.state) as database:
        Facts(database).set_traffic(shares)
        assert Facts(database).traffic() == tuple(shares)
    assert Home(home.root).production() == shares[0]


def test_a_damaged_record_of_what_runs_is_named_with_what_to_do(home):
    (home.root / "running.json").write_text("{", encoding="utf-8")
    with pytest.raises(Permanent, match=r"running\.json is damaged") as caught:
        home.running_registry()
    assert "remove" in caught.value.hint


def test_a_registry_is_running_while_its_process_lives(home):
    home.set_running(os.getpid(), "http://127.0.0.1:5000")
    assert home.running_registry() == "http://127.0.0.1:5000"
    home.clear_running()
    assert home.running_registry() is None


def test_a_registry_of_a_dead_process_is_not_running(home):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    home.set_running(child, "http://127.0.0.1:5000")
    assert home.running_registry() is None


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Permanent, match="cannot be used"):
        Home(tmp_path / "file" / "data").prepare()
