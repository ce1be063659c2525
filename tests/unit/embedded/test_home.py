"""The home folder of the laptop shell."""

import os

import pytest

from mlops.embedded.home import Home, Production
from mlops.errors import NotFound, Permanent


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "data")
    home.prepare()
    return home


def test_nothing_is_in_production_at_first(home):
    with pytest.raises(NotFound, match="no version in production"):
        home.production()


def test_what_is_in_production_is_remembered(home):
    production = Production(model="recipes", version="1.0.0", digest="sha256:1", path=home.root / "a b")
    home.set_production(production)
    assert Home(home.root).production() == production


def test_a_damaged_record_is_named_with_what_to_do(home):
    (home.root / "production.json").write_text("{", encoding="utf-8")
    with pytest.raises(Permanent, match=r"production\.json is damaged") as caught:
        home.production()
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
