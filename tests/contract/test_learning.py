"""Retraining from end to end on the shipped sample: what is learned, what is refused, and what is written."""

import json
import time

import orjson
import pytest

from mlops.artifact.loader import load_model
from mlops.artifact.manifest import read_manifest, verify
from mlops.cli.main import build_app
from mlops.corpus.sample import sample_recipes
from mlops.errors import Conflict, Permanent
from mlops.evaluation.sample import sample_set
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.learning.sessions import collect
from mlops.learning.verdict import Decision, Policy
from mlops.recommendation import Ask, Filters
from mlops.translation.identity import IdentityTranslator
from tests.builders.corpus import build_artifact
from tests.builders.simulated_feedback import sessions
from tests.builders.spoilt_feedback import at_random, opposed, with_automaton

pytestmark = pytest.mark.contract

# 330 recipes, and a ranking that finds them: there is little to learn here, so what is written is tested with a policy
# that takes what it gets. What must be gained is measured on the shared data, by `make bench-learning`.
LENIENT = Policy(min_gain=-0.2, min_gain_later=-0.2, tolerated_loss=0.3)


@pytest.fixture(scope="session")
def parent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parent") / "recipes-1.0.0"
    build_artifact(folder, recipes=sorted(sample_recipes(), key=lambda recipe: recipe.id))
    return folder


@pytest.fixture(scope="session")
def honest(parent):
    queries, qrels = sample_set()
    recommender = load_model(parent, translator=IdentityTranslator()).recommender
    return sessions(recommender, [query for query in queries if query.text_en], qrels, visits=8)


def learn(parent, rows, out, **options):
    request = RetrainRequest(artifact=parent, out=out, code_revision="test", **options)
    reading = collect((orjson.dumps(row) for row in rows), name="test")
    return retrain(reading, request, translator=IdentityTranslator(), progress=lambda *_: None, clock=time.perf_counter)


@pytest.fixture(scope="session")
def learned(parent, honest, tmp_path_factory):
    out = tmp_path_factory.mktemp("learned") / "next"
    done = learn(parent, honest, out, policy=LENIENT)
    assert done.verdict.decision is Decision.LEARNED, done.verdict.reasons
    return out, done


def test_what_was_learned_is_the_next_version_with_its_lineage(parent, learned):
    out, done = learned
    manifest = read_manifest(out)
    verify(out, manifest, done.manifest.digest)
    assert manifest.version == "1.0.1"
    assert manifest.lineage["parent"] == "1.0.0"
    assert manifest.lineage["parent_digest"] == read_manifest(parent).digest
    assert manifest.lineage["feedback_digest"].startswith("sha256:")
    assert manifest.lineage["held_out"]["queries"] > 50


def test_every_demand_tells_its_arithmetic(learned):
    _, done = learned
    assert all(demand.passed for demand in done.verdict.demands)
    assert all(any(sign in demand.reason for sign in ("against", "<=", ">=")) for demand in done.verdict.demands)


def test_the_same_data_and_seed_give_the_same_digest(parent, honest, learned, tmp_path):
    again = learn(parent, list(reversed(honest)), tmp_path / "again", policy=LENIENT)
    assert again.manifest.digest == learned[1].manifest.digest


def test_the_learned_version_answers_in_order_and_says_why(learned):
    model = load_model(learned[0], translator=IdentityTranslator())
    answer = model.recommender.recommend(Ask(text="chicken soup", k=20, language="en"))
    scores = [hit.score for hit in answer.hits]
    assert len(scores) == 20
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    for hit in answer.hits:
        assert hit.signals[-1].name == "learned"
        assert sum(signal.contribution for signal in hit.signals) == pytest.approx(hit.score)


def test_filters_still_hold(parent, learned):
    filters = Filters(without_allergens=frozenset({"milk"}))
    allowed, shown = (
        {
            hit.id
            for hit in load_model(folder, translator=IdentityTranslator())
            .recommender.recommend(Ask(text="cake", k=300, filters=filters))
            .hits
        }
        for folder in (parent, learned[0])
    )
    assert shown == allowed


def test_a_learned_version_can_be_learned_on(learned, honest, tmp_path):
    done = learn(learned[0], honest, tmp_path / "third", policy=LENIENT)
    assert (done.parent.version, done.manifest.version) == ("1.0.1", "1.0.2")


def test_without_a_gain_there_is_no_new_version(parent, honest, tmp_path):
    done = learn(parent, honest, tmp_path / "out", policy=Policy(min_gain=0.3))
    assert (done.verdict.decision, done.manifest) == (Decision.NO_GAIN, None)
    assert "+ 0.3 = " in done.verdict.reasons[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", [at_random, opposed], ids=["random", "opposed"])
def test_clicks_without_sense_teach_nothing_and_leave_nothing(parent, honest, tmp_path, spoil):
    done = learn(parent, spoil(honest, 1), tmp_path / "out")
    assert done.manifest is None
    assert done.verdict.decision is Decision.REFUSED
    assert "preference" in done.verdict.reasons[0]
    assert list(tmp_path.iterdir()) == []


def test_an_automaton_is_noticed_and_left_out(parent, honest, learned, tmp_path):
    # No training is needed to see it: so many queries nobody has.
    done = learn(parent, with_automaton(honest, 0), tmp_path / "out", policy=Policy(least_queries=100_000))
    assert "as automatons do" in done.verdict.warnings[0]
    assert done.verdict.figures["sessions"] == learned[1].verdict.figures["sessions"]


def test_few_queries_are_refused_with_the_number(parent, honest, tmp_path):
    few = sorted({row["query"] for row in honest})[:20]
    done = learn(parent, [row for row in honest if row["query"] in few], tmp_path / "out")
    assert done.verdict.decision is Decision.REFUSED
    assert "distinct queries with clicks < 50" in done.verdict.reasons[0]


def test_a_folder_that_holds_something_is_left_alone(parent, honest, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        learn(parent, honest, tmp_path)


DAMAGE = {
    "trees of another kind": ("trees.onnx", b"nothing"),
    "no adapter": ("adapter.npy", b""),
    "settings cut off": ("learned.json", b"{"),
    "features that this code does not know": ("learned.json", b'{"features": ["luck"]}'),
}


@pytest.mark.parametrize(("name", "content"), DAMAGE.values(), ids=DAMAGE)
def test_a_learned_part_that_does_not_fit_is_never_served(learned, tmp_path, name, content):
    from shutil import copytree  # noqa: PLC0415

    from mlops.artifact.builder import seal  # noqa: PLC0415 - a manifest that covers the damage

    folder = tmp_path / "damaged"
    copytree(learned[0], folder)
    (folder / "learned" / name).write_bytes(content)
    seal(folder, read_manifest(folder), {}, {})
    with pytest.raises(Permanent):
        load_model(folder, translator=IdentityTranslator())


def test_the_command_prints_the_decision_and_exits_with_it(parent, honest, tmp_path, monkeypatch):
    from typer.testing import CliRunner  # noqa: PLC0415

    monkeypatch.setenv("RECIPES_TRANSLATOR", "identity")
    feedback = tmp_path / "feedback.jsonl"
    feedback.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in honest[:60]))
    arguments = ["retrain", "--artifact", str(parent), "--feedback", str(feedback), "--out", str(tmp_path / "out")]
    ran = CliRunner().invoke(build_app(), [*arguments, "--json"])
    document = json.loads(ran.stdout)
    assert (ran.exit_code, document["decision"], document["learned"]) == (1, "Refused", False)
    assert (document["parent"], document["version"]) == ("1.0.0", None)
    assert "distinct queries with clicks < 50" in document["reasons"][0]
    assert not (tmp_path / "out").exists()
