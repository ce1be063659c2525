"""The nightly comparison in a pod, with the real encoder and a real MLflow: what it answers, and what it leaves there."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops import pod_drift
from mlops.model_registry import Stage, open_registry
from tests.unit.mlops.test_asked_drift import BEFORE, SUMMER, TRAINED, WINTER, record

pytestmark = [
    pytest.mark.contract,
    pytest.mark.filterwarnings("ignore:::mlflow"),
    pytest.mark.filterwarnings("ignore:::sqlalchemy"),
]


def in_production(uri, folder):
    (folder / "MLmodel").write_text("flavors: {}")
    with open_registry(uri, lambda: TRAINED) as registry:
        registry.register("recipes", "1.0.0", folder, digest=f"sha256:{'a' * 64}", metadata={}, metrics={}, params={},
                          by="test", why="first")  # fmt: skip
        for stage in (Stage.VALIDATION, Stage.STAGING, Stage.PRODUCTION):
            registry.transition("recipes", "1.0.0", stage, by="test", why="first")


def test_what_lasts_is_the_answer_and_a_run_in_mlflow(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    (tmp_path / "artifact").mkdir()
    in_production(uri, tmp_path / "artifact")
    record(tmp_path / "feedback", {**BEFORE, 0: WINTER, 1: SUMMER, 2: SUMMER})

    with open_registry(uri, lambda: datetime(2026, 6, 4, tzinfo=UTC)) as registry:
        answer = pod_drift.measure(tmp_path / "feedback", "recipes", registry, TRAINED + timedelta(days=3))

    assert (answer["version"], answer["windows"]) == ("1.0.0", [False, True, True])
    assert "words" in answer["lasting"]
    assert len(json.dumps({"drift": answer})) < 4096
    from mlflow import MlflowClient  # noqa: PLC0415 - after the registry has told it to be silent

    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("recipe-drift").experiment_id])
    assert run.data.metrics["words_effect"] >= 0.03
    assert run.data.tags["recipes.version"] == "1.0.0"
