"""The facts of a home for the question whether to train again."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.embedded.home import Home
from mlops.embedded.registry_view import RegistryView
from mlops.embedded.retrain_check import HomeRetrainCheck
from mlops.errors import NotFound
from mlops.model_registry import Stage
from mlops.recipe import corpus_digest
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


def test_clicks_since_training_are_counted_and_older_or_torn_lines_are_not(world, home):
    trained = promoted(world)
    rows = [
        {
            "ts": (trained + timedelta(hours=hours)).isoformat(),
            "recommendation_id": f"r{hours}",
            "clicked": ["a", "b"],
            "cooked": [],
        }
        for hours in (-5, 1, 2)
    ]
    lines = [json.dumps(row) for row in rows] + ['{"ts": "2026']
    (home.feedback / "feedback_20260701.jsonl").write_text("\n".join(lines), encoding="utf-8")
    decision = check(world, home, trained + timedelta(days=1))
    assert "new-data: 2 distinct queries < 100, 4 clicks < 500 since training" in decision.reasons


def test_the_store_and_the_training_agree_on_the_digest_of_a_corpus(home):
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=datetime(2026, 1, 1, tzinfo=UTC))
        assert store.digest() == corpus_digest(KITCHEN)
