"""One contract for every engine: each item once, faults as they were raised, and the same bits wherever it is done."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
import orjson
import pytest

from mlops.artifact.embedding import embed
from mlops.artifact.loader import load_model
from mlops.corpus.sample import sample_recipes
from mlops.engines.local import LocalEngine
from mlops.errors import Invalid
from mlops.evaluation.sample import sample_set
from mlops.learning.retrain import RetrainRequest, retrain
from mlops.learning.sessions import collect
from mlops.learning.verdict import Policy
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.encoder_source import find_encoder, write_encoder
from mlops.translation.identity import IdentityTranslator
from tests.builders.corpus import build_artifact
from tests.builders.simulated_feedback import sessions

# Encoders and workers start: on a busy machine that takes its time.
pytestmark = [pytest.mark.contract, pytest.mark.timeout(400)]

RAY = pytest.param("ray", marks=[
    pytest.mark.ray, pytest.mark.skipif(find_spec("ray") is None, reason="make ray installs it"),
    pytest.mark.filterwarnings("ignore"),
])  # fmt: skip


@dataclass(frozen=True)
class Power:
    """Raises numbers; refuses what is negative. Opening it counts, in the process that opens it."""

    exponent: int
    broken: bool = False

    def open(self):
        if self.broken:
            raise Invalid("this task cannot be opened")
        return self.raised

    def raised(self, number):
        if number < 0:
            raise Invalid(f"{number} < 0", hint="give another")
        return number**self.exponent


@pytest.fixture(scope="session", params=["local", RAY])
def engine(request):
    if request.param == "local":
        yield LocalEngine()
        return
    from mlops.engines.ray_engine import RayEngine  # noqa: PLC0415 - an extra of its own

    with RayEngine(2) as engine:
        yield engine


def test_each_item_is_done_once_and_comes_with_its_place(engine):
    assert sorted(engine.spread(Power(2), range(50))) == [(number, number**2) for number in range(50)]


def test_nothing_to_do_opens_nothing(engine):
    assert list(engine.spread(Power(2, broken=True), [])) == []


@pytest.mark.parametrize(("task", "items", "told"), [
    (Power(2), [1, -1, 2], "-1 < 0"),
    (Power(2, broken=True), [1], "this task cannot be opened"),
], ids=["an item", "the task"])  # fmt: skip
def test_what_is_raised_there_is_raised_here(engine, task, items, told):
    with pytest.raises(Invalid) as fault:
        list(engine.spread(task, items))
    assert fault.value.message == told


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder") / "encoder"
    write_encoder(find_encoder(), folder)
    return folder


def embed_here(texts, encoder, *, threads):
    return embed(texts, encoder, engine=LocalEngine(), threads=threads, kept=None, progress=lambda _: None)


def test_a_corpus_is_embedded_to_the_same_bits(engine, encoder):
    texts = [semantic_text(recipe) for recipe in sample_recipes()]
    told = []
    vectors = embed(texts, encoder, engine=engine, threads=1, kept=None, progress=told.append)
    assert np.array_equal(vectors, embed_here(texts, encoder, threads=2))
    assert (told[0], told[-1], told) == (0, len(texts), sorted(told))


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """An artefact, feedback on it, and what this process learns from that without naming an engine."""
    folder = tmp_path_factory.mktemp("taught")
    build_artifact(folder / "parent", recipes=sorted(sample_recipes(), key=lambda recipe: recipe.id))
    queries, qrels = sample_set()
    recommender = load_model(folder / "parent", translator=IdentityTranslator()).recommender
    rows = sessions(recommender, [query for query in queries if query.text_en], qrels, visits=5)
    reading = collect((orjson.dumps(row) for row in rows), name="test")
    return folder / "parent", reading, learn(folder / "parent", reading, folder / "learned")


def learn(parent, reading, out, engine=None):
    lenient = Policy(min_gain=-0.2, min_gain_later=-0.2, tolerated_loss=0.3)
    request = RetrainRequest(artifact=parent, out=out, code_revision="test", policy=lenient)
    done = retrain(
        reading, request, translator=IdentityTranslator(), progress=lambda *_: None, clock=perf_counter, engine=engine
    )
    return done.manifest.digest


# In this process again it is what tests/contract/test_learning.py says.
@pytest.mark.parametrize("engine", [RAY], indirect=True)
def test_what_is_learned_is_the_same_to_the_last_bit(engine, taught, tmp_path):
    parent, reading, digest = taught
    assert learn(parent, reading, tmp_path / "learned", engine) == digest


def embedding(home, *arguments):
    command = [sys.executable, "-m", "mlops.cli.main", "embed", "--json", *arguments]
    environment = {**os.environ, "RECIPES_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def test_an_embedding_that_was_killed_goes_on_where_it_was(encoder, tmp_path):
    killed = embedding(tmp_path / "home")
    while not list((tmp_path / "home").glob("vectors/*/0*.npy")):
        assert killed.poll() is None, "it ended before a part of it was kept"
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    again = json.loads(embedding(tmp_path / "home", "--out", str(tmp_path / "vectors.npy")).communicate()[0])

    texts = [semantic_text(recipe) for recipe in sorted(sample_recipes(), key=lambda recipe: recipe.id)]
    assert 0 < again["found_done"] < again["recipes"] == len(texts)
    assert np.array_equal(np.load(tmp_path / "vectors.npy"), embed_here(texts, encoder, threads=1))


def test_a_kept_part_that_is_damaged_is_computed_again(encoder, tmp_path):
    texts = [semantic_text(recipe) for recipe in sample_recipes()[:40]]

    def vectors():
        told = []
        found = embed(texts, encoder, engine=LocalEngine(), threads=1, kept=tmp_path, progress=told.append)
        return found, told[0]

    whole, _ = vectors()
    (part,) = tmp_path.glob("*/0*.npy")
    assert vectors()[1] == len(texts)
    part.write_bytes(part.read_bytes()[:-1])
    found, done = vectors()
    assert (done, np.array_equal(found, whole)) == (0, True)


def test_other_texts_have_nothing_to_do_with_what_is_kept(encoder, tmp_path):
    def done_before(*texts):
        told = []
        embed(texts, encoder, engine=LocalEngine(), threads=1, kept=tmp_path, progress=told.append)
        return told[0]

    assert [done_before("a", "b"), done_before("a", "c"), done_before("a", "b")] == [0, 0, 2]
    assert [done_before(text) for text in "xyz"] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 3, "of old ones the last three stay"
