"""A retraining as a job of a home, with the real registry: what it registers, and what it leaves alone."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

import orjson
import pytest
from typer.testing import CliRunner

from controller.actions import StartRetraining
from controller.resource.version import Trigger
from mlops import candidates
from mlops.artifact.loader import load_model
from mlops.artifact.manifest import read_manifest
from mlops.cli.main import build_app
from mlops.config import Settings
from mlops.corpus.sample import sample_recipes
from mlops.corpus.store import CorpusStore
from mlops.embedded.database import Database
from mlops.embedded.facts import Answering, Facts
from mlops.embedded.home import Home
from mlops.embedded.job_table import JobKind, JobTable
from mlops.embedded.retraining_job import retrain
from mlops.errors import Permanent
from mlops.evaluation.sample import sample_set
from mlops.learning.retrain import RetrainRequest
from mlops.learning.tree_training import ROUNDS
from mlops.learning.verdict import Policy
from mlops.model_registry import open_registry
from mlops.monitoring.job_span import JobSpan
from mlops.pod_retraining import retrain as pod_retrain
from mlops.registering import register_artifact
from mlops.retrieval.features import FEATURES
from mlops.revision import code_revision
from mlops.translation.identity import IdentityTranslator
from tests.builders.corpus import KITCHEN, build_artifact
from tests.builders.simulated_feedback import sessions
from tests.builders.trace_collector import trace_collector

pytestmark = [
    pytest.mark.contract,
    # Of MLflow's own imports and tables.
    pytest.mark.filterwarnings("ignore:::mlflow"),
    pytest.mark.filterwarnings("ignore:::sqlalchemy"),
]

NOW = datetime(2026, 7, 1, tzinfo=UTC)
LENIENT = Policy(min_gain=-0.1, min_gain_later=-0.1, tolerated_loss=0.2)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SPEC = {"parent": "1.0.0", "reason": "test", "trigger": "NewData"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RECIPES_TRANSLATOR", "identity")
    return Settings()


@pytest.fixture
def home(settings):
    home = Home(settings.home)
    home.prepare()
    return home


def never(_):
    pytest.fail("there is nothing to wait for")


def production(home, settings, recipes):
    """Register the first version as `recipes up` would."""
    folder = home.training / "first"
    manifest = build_artifact(folder, recipes=sorted(recipes, key=lambda recipe: recipe.id))
    with open_registry(settings.registry_uri, lambda: NOW) as registry:
        register_artifact(registry, folder, manifest, by="test", why="first version")
    return folder


def record(home, folder, visits):
    """Keep what simulated users were shown and clicked, as the service does."""
    queries, qrels = sample_set()
    recommender = load_model(folder, translator=IdentityTranslator()).recommender
    rows = sessions(recommender, [query for query in queries if query.text_en], qrels, visits=visits)
    (home.feedback / "shown").mkdir(exist_ok=True)
    with (home.feedback / "shown" / "shown_20260101.jsonl").open("wb") as shown:
        shown.writelines(
            orjson.dumps({**row, "recommendation_id": row["session"], "user": None}) + b"\n" for row in rows
        )
    with (home.feedback / "feedback_20260101.jsonl").open("wb") as feedback:
        feedback.writelines(
            orjson.dumps({"recommendation_id": row["session"], "clicked": row["clicked"]}) + b"\n" for row in rows
        )


def run(home, settings, name="run-1", *, cancelled=False):
    with Database.open(home.state) as database:
        table = JobTable(database)
        table.add(name, JobKind.RETRAINING, "1.0.0", SPEC, NOW)
        job = table.begin(name)
        if cancelled:
            table.finish(name, {"state": "Failed", "message": "cancelled"}, NOW)
    return retrain(job, settings, JobSpan(), lambda: NOW, never)


def versions(settings):
    with open_registry(settings.registry_uri, lambda: NOW) as registry:
        return {found.version: found for found in registry.list_versions(settings.model)}


def test_feedback_becomes_a_version_with_lineage_and_a_second_try_finds_it(home, settings, monkeypatch):
    folder = production(home, settings, sample_recipes())
    record(home, folder, visits=5)
    monkeypatch.setattr(candidates, "RetrainRequest", partial(RetrainRequest, policy=LENIENT))

    answer = run(home, settings)

    candidate = answer["candidate"]
    assert (candidate["version"], candidate["lineage"]["parent"], candidate["lineage"]["trigger"]) == (
        "1.0.1", "1.0.0", "NewData",
    )  # fmt: skip
    lineage = versions(settings)["1.0.1"].metadata["lineage"]
    assert lineage["parent_digest"] == read_manifest(folder).digest
    assert run(home, settings) == answer
    assert list(home.training.glob("run-*")) == []


def mlflow_runs(settings, experiment):
    """The runs as MLflow's own client sees them, by name."""
    from mlflow import MlflowClient  # noqa: PLC0415 - six seconds, for those who look

    client = MlflowClient(tracking_uri=settings.registry_uri)
    found = client.get_experiment_by_name(experiment)
    return client, {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def test_mlflow_shows_how_it_was_learned_and_from_what(home, settings, monkeypatch):
    folder = production(home, settings, sample_recipes())
    record(home, folder, visits=5)
    monkeypatch.setattr(candidates, "RetrainRequest", partial(RetrainRequest, policy=LENIENT))
    run(home, settings)

    client, runs = mlflow_runs(settings, "recipe-recommendations")
    learned, before = runs["recipes 1.0.1"], runs["recipes 1.0.0"]
    curve = client.get_metric_history(learned.info.run_id, "trees_held_out_ndcg_at_10")
    assert [point.step for point in curve] == list(range(ROUNDS))
    assert 0 < curve[0].value <= max(point.value for point in curve) <= 1
    losses = [point.value for point in client.get_metric_history(learned.info.run_id, "adapter_loss")]
    assert losses[-1] < losses[0]
    importance = {name: learned.data.metrics[f"importance_{name}"] for name in FEATURES}
    assert sum(importance.values()) == pytest.approx(1, abs=0.01)
    params = learned.data.params
    assert params["features"].split(", ") == list(FEATURES)
    assert (params["data_digest"], params["code_revision"]) == (before.data.params["data_digest"], code_revision())
    assert "feedback_digest" in params["lineage"]
    assert "importance_semantic" not in versions(settings)["1.0.1"].metrics


def test_nothing_learned_is_an_answer_and_makes_no_version(home, settings):
    production(home, settings, sample_recipes())
    answer = run(home, settings)
    _, runs = mlflow_runs(settings, "recipe-retrainings")
    told = runs["run-1"].data
    assert (told.params["decision"], told.metrics["queries"]) == ("Refused", 0)
    assert "0 distinct queries with clicks < 50" in told.params["reasons"]
    assert answer["message"].startswith("nothing new: Refused: 0 distinct queries with clicks < 50")
    assert set(versions(settings)) == {"1.0.0"}


def test_other_recipes_are_trained_on_however_little_feedback_there_is(home, settings):
    production(home, settings, sample_recipes())
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=NOW)
    answer = run(home, settings)
    assert answer["candidate"]["version"] == "1.0.1"
    assert versions(settings)["1.0.1"].metadata["recipes"] == len(KITCHEN)


@pytest.mark.timeout(300)  # three processes that import all there is, the job's at the lowest priority
def test_a_run_is_a_trace_with_its_training_below_and_the_version_it_makes_names_it(home, settings, monkeypatch):
    production(home, settings, sample_recipes())
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=NOW)
    with Database.open(home.state) as database:
        JobTable(database).add("run-1", JobKind.RETRAINING, "1.0.0", SPEC, NOW)
    with trace_collector() as (url, received):
        command = [sys.executable, "-m", "mlops.embedded.job_process", str(home.state), "run-1"]
        subprocess.run(command, check=True, env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    with Database.open(home.state) as database:
        answer = JobTable(database).get("run-1").answer

    trace = received.trace_of("retraining")
    job, training = trace["retraining"], trace["train"]
    assert answer["candidate"]["lineage"]["trace"].startswith(f"00-{job.trace_id.hex()}-{job.span_id.hex()}-")
    assert (training.parent_span_id, trace["embed"].parent_span_id) == (job.span_id, training.span_id)
    assert received.services == {"recipes-jobs"}


def test_a_cancelled_run_registers_nothing(home, settings):
    production(home, settings, sample_recipes())
    with CorpusStore.open(home.corpus) as store:
        store.upsert(KITCHEN, source="test", now=NOW)
    with pytest.raises(Permanent, match="was cancelled"):
        run(home, settings, cancelled=True)
    assert set(versions(settings)) == {"1.0.0"}


def test_a_run_by_hand_has_a_process_of_its_own_and_is_listed(home, settings, monkeypatch):
    folder = production(home, settings, sample_recipes())
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    digest = read_manifest(folder).digest
    with Database.open(home.state) as database:
        Facts(database).set_traffic([Answering(version="1.0.0", weight=100, digest=digest, folder=folder)])

    ran = CliRunner().invoke(build_app(), ["retrain", "start", "--reason", "a new menu", "--json"])

    (listed,) = json.loads(CliRunner().invoke(build_app(), ["retrain", "jobs", "--json"]).stdout)
    assert (ran.exit_code, json.loads(ran.stdout)) == (1, listed)
    assert (listed["state"], listed["tries"], listed["reason"]) == ("Succeeded", 1, "a new menu")
    assert listed["message"].startswith("nothing new: Refused: 0 distinct queries")


def test_in_a_pod_the_same_is_learned_on_top_of_the_registrys_artefact(home, settings, monkeypatch, tmp_path):
    folder = production(home, settings, sample_recipes())
    record(home, folder, visits=5)
    monkeypatch.setattr(candidates, "RetrainRequest", partial(RetrainRequest, policy=LENIENT))
    asked = StartRetraining(name="recipes-retraining-1", parent="1.0.0", trigger=Trigger.SCHEDULED, reason="nightly")

    def run_pod(name):
        scratch = tmp_path / name
        scratch.mkdir()
        return pod_retrain(
            asked, settings, home.feedback, scratch, lambda uri: open_registry(uri, lambda: NOW), JobSpan(None, TRACE)
        )

    answer = run_pod("first")

    candidate = answer["candidate"]
    lineage = candidate["lineage"]
    assert (candidate["version"], lineage["parent"], lineage["trigger"], lineage["job"], lineage["trace"]) == (
        "1.0.1", "1.0.0", "Scheduled", "recipes-retraining-1", TRACE,
    )  # fmt: skip
    assert versions(settings)["1.0.1"].digest == candidate["source"]["digest"]
    assert run_pod("second") == answer, "a pod that is started again finds what it registered"


def test_in_a_pod_nothing_learned_is_an_answer(home, settings, tmp_path):
    production(home, settings, sample_recipes())
    asked = StartRetraining(name="r", parent="1.0.0", trigger=Trigger.SCHEDULED, reason="nightly")
    answer = pod_retrain(
        asked, settings, home.feedback, tmp_path, lambda uri: open_registry(uri, lambda: NOW), JobSpan()
    )
    assert answer["message"].startswith("nothing new: Refused: 0 distinct queries with clicks < 50")
