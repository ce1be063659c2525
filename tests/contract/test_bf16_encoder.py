"""Documents in bfloat16 beside the float graph that it is made of, and what becomes of them where there is no bfloat16."""

import shutil

import numpy as np
import pytest

from mlops.artifact import embedding
from mlops.artifact.embedding import EncodeParts, embed
from mlops.corpus.sample import sample_recipes
from mlops.engines.local import LocalEngine
from mlops.errors import Permanent
from mlops.kernel.library import kernel
from mlops.retrieval.bf16_encoder import Bf16Encoder
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.encoder import MODEL_FILE, Encoder
from mlops.retrieval.encoder_source import find_encoder, write_encoder

pytestmark = pytest.mark.contract
has_it = pytest.mark.skipif(
    kernel() is None or not kernel().has_bfloat16, reason="no kernel here, or a CPU without AVX-512 BF16"
)

TEXTS = [semantic_text(recipe) for recipe in sample_recipes()[:100]]
ODD = ["🍕", "", " ", "word " * 400, "antidisestablishmentarianism" * 20, "\x00\x01", "中文 食谱"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("bf16") / "encoder"
    write_encoder(find_encoder(), out)
    return out


@pytest.fixture(scope="module")
def exact(folder):
    return Encoder.load(folder).encode([*TEXTS, *ODD])


def embedded(folder, texts, threads=2):
    return embed(texts, folder, engine=LocalEngine(), threads=threads, kept=None, progress=lambda _: None)


@has_it
def test_vectors_are_those_of_the_float_graph_but_for_a_ten_thousandth(folder, exact):
    vectors = embedded(folder, [*TEXTS, *ODD])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    cosines = (exact * vectors).sum(axis=1)
    assert cosines[: len(TEXTS)].min() > 0.9999
    assert cosines.min() > 0.9995
    assert not np.array_equal(vectors, exact), "this was the float graph"


@has_it
def test_a_text_has_the_same_vector_alone_and_in_company_and_by_any_number_of_threads(folder):
    quick = Bf16Encoder.load(folder, kernel(), threads=3)
    alone = np.concatenate([quick.encode([[text]]) for text in [*TEXTS, *ODD]])
    assert np.array_equal(quick.encode([TEXTS[:7], TEXTS[7:], ODD]), alone)
    assert np.array_equal(embedded(folder, [*TEXTS, *ODD], threads=1), alone)


@has_it
def test_a_graph_that_is_damaged_is_a_permanent_fault(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / MODEL_FILE).write_bytes(b"\x00damaged")
    with pytest.raises(Permanent, match="cannot be loaded"):
        embedded(copy, TEXTS)


def test_without_bfloat16_the_float_graph_embeds(folder, exact, monkeypatch):
    monkeypatch.setattr(embedding, "kernel", lambda: None)
    assert np.array_equal(embedded(folder, [*TEXTS, *ODD]), exact)


def test_who_cannot_do_as_the_others_says_so(folder, monkeypatch):
    monkeypatch.setattr(embedding, "kernel", lambda: None)
    files = {name: (folder / name).read_bytes() for name in embedding.FILES}
    with pytest.raises(Permanent, match="bfloat16") as fault:
        EncodeParts(files=files, bfloat16=True).open()
    assert "one kind" in fault.value.hint
