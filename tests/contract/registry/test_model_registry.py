"""One suite over the fake, a database, and MLflow servers with artefacts on disk and behind HTTP."""

from datetime import UTC, datetime

import httpx
import pytest

from mlops.errors import Conflict, Invalid, NotFound, Permanent
from mlops.model_registry import CHALLENGER, CHAMPION, Stage, open_registry
from mlops.registry.artifacts import files_of
from mlops.registry.backend import RunRecord

pytestmark = [
    pytest.mark.contract,
    pytest.mark.filterwarnings("ignore:::mlflow"),
    pytest.mark.filterwarnings("ignore:::sqlalchemy"),
]

DIGEST = f"sha256:{'a' * 64}"
OTHER_DIGEST = f"sha256:{'b' * 64}"


@pytest.fixture
def register(registry, model, artifact):
    def one(version="1.0.0", name=model, folder=artifact, **changes):
        values = {
            "digest": DIGEST,
            "metadata": {},
            "metrics": {},
            "params": {},
            "by": "ana",
            "why": "nightly",
        } | changes
        return registry.register(name, version, folder, **values)

    return one


@pytest.fixture
def move(registry, model):
    def one(version, *stages, restore=False):
        return [
            registry.transition(model, version, stage, by="ana", why=f"to {stage}", restore=restore) for stage in stages
        ][-1]

    return one


TO_PRODUCTION = (Stage.VALIDATION, Stage.STAGING, Stage.PRODUCTION)


def test_a_registered_version_is_read_as_it_was_written(registry, register, model):
    metadata = {
        "data": "sha256:…",
        "recipes": 300,
        "depth": {"a": [1, None, True]},
        "text": "ñ 🍮 'quoted' \"twice\" %s;",
    }
    made = register(metadata=metadata, metrics={"ndcg@10": 0.4125, "n": 50}, params={"seed": 0, "encoder": "minilm"})
    assert made == registry.get(model, "1.0.0")
    assert (made.model, made.version, made.stage, made.reason) == (model, "1.0.0", Stage.TRAINING, "nightly")
    assert (made.digest, made.metadata, made.metrics) == (DIGEST, metadata, {"ndcg@10": 0.4125, "n": 50.0})
    assert made.aliases == ()
    assert made.created_at.tzinfo is not None
    assert made.to_json()["stage"] == "Training"


def test_a_version_walks_through_the_stages_and_leaves_its_history(registry, register, move, model):
    register()
    assert move("1.0.0", *TO_PRODUCTION).stage is Stage.PRODUCTION
    assert [(e.by, e.why, e.source, e.target) for e in registry.history(model, "1.0.0")] == [
        ("ana", "nightly", None, Stage.TRAINING),
        ("ana", "to Validation", Stage.TRAINING, Stage.VALIDATION),
        ("ana", "to Staging", Stage.VALIDATION, Stage.STAGING),
        ("ana", "to Production", Stage.STAGING, Stage.PRODUCTION),
    ]


def test_illegal_steps_are_refused_and_change_nothing(registry, register, move, model):
    register()
    with pytest.raises(Conflict, match="legal from Training: Validation, Archived"):
        move("1.0.0", Stage.PRODUCTION)
    assert registry.get(model, "1.0.0").stage is Stage.TRAINING
    assert len(registry.history(model, "1.0.0")) == 1
    assert registry.production(model) is None


def test_the_aliases_follow_the_candidate(registry, register, move, model):
    register()
    assert move("1.0.0", Stage.VALIDATION, Stage.STAGING).aliases == (CHALLENGER,)
    assert move("1.0.0", Stage.PRODUCTION).aliases == (CHAMPION,)
    register("1.1.0")
    assert move("1.1.0", Stage.VALIDATION, Stage.STAGING).aliases == (CHALLENGER,)
    assert move("1.1.0", Stage.ARCHIVED).aliases == ()
    assert registry.production(model).version == "1.0.0"


def test_a_promotion_archives_what_was_in_production(registry, register, move, model):
    for version in ("1.0.0", "1.1.0"):
        register(version)
        move(version, *TO_PRODUCTION)
    assert registry.production(model).version == "1.1.0"
    old = registry.get(model, "1.0.0")
    assert (old.stage, old.reason, old.aliases) == (Stage.ARCHIVED, "superseded by 1.1.0", ())


def test_a_rollback_must_be_asked_for_by_name(registry, register, move, model):
    for version in ("1.0.0", "1.1.0"):
        register(version)
        move(version, *TO_PRODUCTION)
    with pytest.raises(Conflict, match="restore"):
        move("1.0.0", Stage.PRODUCTION)
    assert move("1.0.0", Stage.PRODUCTION, restore=True).aliases == (CHAMPION,)
    assert registry.get(model, "1.1.0").stage is Stage.ARCHIVED


def test_archiving_production_leaves_none(registry, register, move, model):
    register()
    move("1.0.0", *TO_PRODUCTION)
    assert move("1.0.0", Stage.ARCHIVED).stage is Stage.ARCHIVED
    assert registry.production(model) is None


def test_a_stage_tag_alone_makes_no_production(registry, backend, register, move, model):
    """Somebody else's program, or an interrupted one, wrote the tag; the alias decides."""
    register()
    move("1.0.0", *TO_PRODUCTION)
    second = register("2.0.0")
    backend.set_tag(model, second.number, "recipes.stage", "Production")
    found = {version.version: (version.stage, version.reason) for version in registry.list_versions(model)}
    assert found["1.0.0"][0] is Stage.PRODUCTION
    assert found["2.0.0"] == (Stage.ARCHIVED, "superseded")


def test_production_is_none_before_anything_was_promoted(registry, register, model):
    assert registry.production(model) is None
    register()
    assert registry.production(model) is None


def test_the_alias_on_a_foreign_version_is_reported(registry, backend, register, model):
    made = register()
    foreign = backend.create_version(model, source=made.source, run_id=made.run_id, tags={"team": "other"})
    backend.set_alias(model, CHAMPION, foreign.number)
    assert [version.version for version in registry.list_versions(model)] == ["1.0.0"]
    with pytest.raises(Invalid, match=f"points at number {foreign.number}, which was not registered here"):
        registry.production(model)


def test_the_same_artefact_may_be_registered_again(registry, register, model):
    first = register()
    assert register(why="by mistake") == first
    assert len(registry.list_versions(model)) == 1


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0+rebuilt"])
def test_another_artefact_cannot_take_the_version(registry, register, model, version):
    register()
    with pytest.raises(Conflict, match=f"is taken by 1.0.0 with digest {DIGEST}, not {OTHER_DIGEST}"):
        register(version, digest=OTHER_DIGEST)
    assert [each.version for each in registry.list_versions(model)] == ["1.0.0"]


def test_versions_are_listed_newest_release_first(registry, register, model):
    for version in ("1.2.0", "1.10.0", "2.0.0-rc.1", "1.9.0+x", "2.0.0"):
        register(version)
    listed = [each.version for each in registry.list_versions(model)]
    assert listed == ["2.0.0", "2.0.0-rc.1", "1.10.0", "1.9.0+x", "1.2.0"]


def test_versions_are_filtered(registry, register, move, names):
    soup, salad = names(), names()
    register(name=soup)
    register("2.0.0", name=salad)
    registry.transition(salad, "2.0.0", Stage.ARCHIVED, by="ana", why="too slow")
    everything = {(each.model, each.version) for each in registry.list_versions()}
    assert {(soup, "1.0.0"), (salad, "2.0.0")} <= everything
    assert [each.model for each in registry.list_versions(soup)] == [soup]
    assert registry.list_versions(soup, stage=Stage.ARCHIVED) == ()
    assert [each.model for each in registry.list_versions(stage=Stage.ARCHIVED, name_contains=salad.upper())] == [salad]
    assert registry.list_versions("nobody-made-this") == ()
    assert registry.list_versions(name_contains="nobody-made-this") == ()


def test_what_does_not_exist_is_named(registry, register, model):
    with pytest.raises(NotFound, match=r"has no version 1\.0\.0; registered: none"):
        registry.get(model, "1.0.0")
    register()
    with pytest.raises(NotFound, match=r"has no version 3\.0\.0; registered: 1\.0\.0"):
        registry.history(model, "3.0.0")
    with pytest.raises(NotFound):
        registry.transition(model, "3.0.0", Stage.PRODUCTION, by="ana", why="x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "v1"}, "not a semantic version"),
        ({"name": "x' OR '1'='1"}, "not a model name"),
        ({"digest": "abc"}, "not a digest"),
        ({"metrics": {"mrr": float("nan")}}, "a finite number is needed"),
        ({"metadata": {"a": "x" * 70_000}}, "the limit is 60000"),
        ({"by": " "}, "needs who and why"),
        ({"why": ""}, "needs who and why"),
    ],
)
def test_bad_input_is_refused_before_anything_is_stored(registry, register, model, changes, message):
    with pytest.raises(Invalid, match=message):
        register(**changes)
    assert registry.list_versions(model) == ()


def test_a_missing_artefact_leaves_no_version(registry, register, model, tmp_path):
    with pytest.raises(NotFound, match="is not a folder"):
        register(folder=tmp_path / "nowhere")
    assert registry.list_versions(model) == ()


def test_the_largest_metadata_and_the_longest_reason_fit(registry, register, move, model):
    made = register(metadata={"a": "é" * 29_900}, why="because " * 10_000, params={"long": "x" * 9000})
    assert made.metadata == {"a": "é" * 29_900}
    assert len(made.reason) == 4000
    assert registry.history(model, "1.0.0")[0].why.endswith("…")


def test_many_numbers_are_logged(register):
    made = register(metrics={f"slice/{n}:ndcg@10": n / 7 for n in range(250)}, params={f"p{n}": n for n in range(250)})
    assert len(made.metrics) == 250


def test_history_survives_hostile_words(registry, register, model):
    by, why = "o'brien; DROP TABLE model_versions--", 'multi\nline "quoted" <b>🍮</b> \\ % \x01'
    register(by=by, why=why)
    assert [(event.by, event.why) for event in registry.history(model, "1.0.0")] == [(by, why)]


def test_the_artefact_is_whole_on_this_machine_or_after_a_download(registry, register, artifact, tmp_path):
    made = register()
    try:
        found = registry.local_path(made)
    except NotFound:
        assert made.source.startswith("mlflow-artifacts:")
        found = registry.download(made, tmp_path / "local")
    assert files_of(found) == files_of(artifact)
    for name in files_of(artifact):
        assert (found / name).read_bytes() == (artifact / name).read_bytes()


def test_a_download_is_a_new_folder_or_none(registry, register, artifact, tmp_path):
    made = register()
    target = tmp_path / "deep" / "local"
    assert files_of(registry.download(made, target)) == files_of(artifact)
    with pytest.raises(Conflict, match="not an empty folder"):
        registry.download(made, target)


def test_a_download_of_files_that_are_gone_leaves_nothing(backend, tmp_path, model, register):
    made = register()
    with pytest.raises(Permanent):
        backend.download(made.source.replace(made.run_id, "0" * len(made.run_id)), tmp_path / "local")
    assert not (tmp_path / "local").exists()


def test_missing_things_are_not_found_by_every_backend(backend, register, names, model):
    made = register(name=names())
    with pytest.raises(NotFound):
        backend.aliases(model)
    with pytest.raises(NotFound):
        backend.version(model, 1)
    with pytest.raises(NotFound):
        backend.create_version(model, source=made.source, run_id=made.run_id, tags={})
    backend.create_model(model)
    backend.create_model(model)
    for verb in (backend.delete_version, lambda *where: backend.set_tag(*where, "key", "value")):
        with pytest.raises(NotFound):
            verb(model, 1)
    with pytest.raises(NotFound):
        backend.set_alias(model, CHAMPION, 1)
    backend.delete_alias(model, CHAMPION)


def test_a_number_is_never_used_twice(backend, register, model):
    made = register()
    backend.delete_version(model, made.number)
    assert register().number == made.number + 1


def test_runs_of_one_experiment_keep_apart(backend, artifact):
    record = RunRecord(name="run", metrics={"a": 1.0}, params={"b": "2"}, tags={"c": "3"})
    at = datetime(2026, 7, 1, tzinfo=UTC)
    first, second = (backend.start_run("an experiment", record, at) for _ in range(2))
    assert first.run_id != second.run_id
    assert backend.upload(first, artifact) != backend.upload(second, artifact)
    backend.finish_run(first, "FINISHED", at)
    backend.finish_run(second, "FAILED", at)


def test_files_go_with_a_run_below_their_own_name(registry, backend, artifact, tmp_path, model):
    """As an evaluation's reports and page do."""
    kept = tmp_path / "evaluation"
    kept.mkdir()
    (kept / "report.json").write_text('{"n": 3}')
    run_id = registry.log_run(f"judged-{model}", "e", metrics={"n": 3}, params={}, tags={"a": "b"}, files=kept)
    another = RunRecord(name="another", metrics={}, params={}, tags={})
    beside = backend.start_run(f"judged-{model}", another, datetime(2026, 7, 1, tzinfo=UTC))
    place = beside.artifact_uri.replace(beside.run_id, run_id)

    backend.download(f"{place}/evaluation", tmp_path / "back")
    assert (tmp_path / "back" / "report.json").read_text() == '{"n": 3}'


def test_numbers_are_added_to_a_versions_run(registry, register, backend):
    made = register(metrics={"ndcg@10": 0.4})
    at = datetime(2026, 7, 2, tzinfo=UTC)
    for _ in range(2):
        registry.note(made, {"production.error-rate": 0.01, "production.latency-p95-ms": float("nan")}, at)
    with pytest.raises(NotFound):
        backend.log_metrics("0" * 32, {"a": 1.0}, at)


def test_they_stand_beside_what_was_measured_before_once(proxy_server, artifact, names):
    with open_registry(proxy_server.url, lambda: datetime(2026, 7, 1, tzinfo=UTC)) as registry:
        made = registry.register(names(), "1.0.0", artifact, digest=DIGEST, metadata={}, metrics={"ndcg@10": 0.4},
                                 params={}, by="ana", why="nightly")  # fmt: skip
        for _ in range(2):
            registry.note(made, {"production.error-rate": 0.01, "query/lag": 3.0}, datetime(2026, 7, 2, tzinfo=UTC))
    api = f"{proxy_server.url}/api/2.0/mlflow"
    run = httpx.get(f"{api}/runs/get", params={"run_id": made.run_id}, timeout=30).json()["run"]
    kept = {each["key"]: each["value"] for each in run["data"]["metrics"]}
    assert kept == {"ndcg_at_10": 0.4, "production.error-rate": 0.01, "query/lag": 3.0}
    asked = {"run_id": made.run_id, "metric_key": "production.error-rate"}
    assert len(httpx.get(f"{api}/metrics/get-history", params=asked, timeout=30).json()["metrics"]) == 1


def test_curves_of_a_training_are_seen_step_by_step(proxy_server, artifact, names):
    curve = [round(0.5 + step / 1000, 3) for step in range(150)]
    with open_registry(proxy_server.url, lambda: datetime(2026, 7, 1, tzinfo=UTC)) as registry:
        made = registry.register(names(), "1.0.0", artifact, digest=DIGEST, metadata={}, metrics={"ndcg@10": 0.4},
                                 params={}, by="ana", why="nightly", curves={"trees@10": curve})  # fmt: skip
    asked = {"run_id": made.run_id, "metric_key": "trees_at_10", "max_results": 1000}
    found = httpx.get(f"{proxy_server.url}/api/2.0/mlflow/metrics/get-history", params=asked, timeout=30).json()
    assert [(each.get("step", 0), each["value"]) for each in found["metrics"]] == list(enumerate(curve))
    assert dict(made.metrics) == {"ndcg@10": 0.4}


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "", "recipes", "ftp://host"])
def test_an_address_of_another_kind_is_refused(uri):
    with pytest.raises(Invalid, match="not an address of a registry"):
        open_registry(uri, lambda: datetime(2026, 7, 1, tzinfo=UTC))
