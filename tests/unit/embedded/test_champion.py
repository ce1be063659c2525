"""Following the registry's champion: what is served after each thing that can happen to it."""

import pytest
import structlog

from mlops.embedded.champion import ChampionFollower
from mlops.embedded.home import Home
from mlops.embedded.registry_view import RegistryView
from mlops.errors import NotFound, Permanent, Transient
from mlops.model_registry import Stage
from mlops.recommendation import ServedModel
from predictor.slot import Slot
from tests.builders.registry_world import MODEL, PATH_TO, World


class Laptop:
    """A registry in memory, a slot, and a follower whose loader knows which artefacts are damaged."""

    def __init__(self, root):
        self.world = World(root)
        self.view = RegistryView()
        self.view.connect(self.world.registry)
        self.slot = Slot()
        self.home = Home(root / "home")
        self.home.prepare()
        self.damaged: set[str] = set()
        self.follower = ChampionFollower(MODEL, self.slot, self.home, self.view, self.load, structlog.get_logger())

    def load(self, path, digest):
        if digest in self.damaged:
            raise Permanent("rows.jsonl is damaged")
        return ServedModel(name=MODEL, version="?", digest=digest, recipes=1, recommender=None)

    def promote(self, version, digest):
        self.world.register(version, digest)
        for stage in PATH_TO[Stage.PRODUCTION]:
            self.world.move(version, stage)

    @property
    def served(self):
        return self.slot.state.served.digest[-1] if self.slot.serving else None


@pytest.fixture
def laptop(tmp_path):
    return Laptop(tmp_path)


def test_without_a_champion_nothing_is_served(laptop):
    assert laptop.follower.step() is False
    assert laptop.served is None


def test_a_promotion_is_served_and_remembered(laptop):
    laptop.promote("1.0.0", "a")
    assert laptop.follower.step() is True
    assert laptop.served == "a"
    assert laptop.home.production().version == "1.0.0"


def test_what_is_served_already_is_not_loaded_again(laptop):
    laptop.promote("1.0.0", "a")
    laptop.follower.step()
    assert laptop.follower.step() is False


def test_a_newer_champion_replaces_the_older_and_a_rollback_brings_it_back(laptop):
    laptop.promote("1.0.0", "a")
    laptop.follower.step()
    laptop.promote("1.1.0", "b")
    laptop.follower.step()
    assert laptop.served == "b"
    laptop.world.move("1.0.0", Stage.PRODUCTION, restore=True)
    laptop.follower.step()
    assert laptop.served == "a"


def test_a_damaged_champion_is_refused_once_and_the_old_one_stays(laptop):
    laptop.promote("1.0.0", "a")
    laptop.follower.step()
    laptop.damaged.add(f"sha256:{'b' * 64}")
    laptop.promote("1.1.0", "b")
    assert laptop.follower.step() is False
    assert laptop.served == "a"
    assert laptop.slot.state.failure == "1.1.0: rows.jsonl is damaged"
    assert laptop.home.production().version == "1.0.0"
    laptop.damaged.clear()
    assert laptop.follower.step() is False, "the same artefact is not tried again and again"


def test_a_registry_that_is_still_starting_is_a_transient_fault(laptop):
    laptop.follower = ChampionFollower(
        MODEL, laptop.slot, laptop.home, RegistryView(), laptop.load, structlog.get_logger()
    )
    with pytest.raises(Transient, match="still starting"):
        laptop.follower.step()


def test_a_registry_that_failed_says_why(laptop):
    view = RegistryView()
    view.fail("port 5000 is taken")
    with pytest.raises(Transient, match="port 5000 is taken"):
        view.wait()
    assert view.probe().status == "degraded"


def test_nothing_in_production_yet_is_not_found(laptop):
    with pytest.raises(NotFound):
        laptop.home.production()
