"""The encoder in 8 bit beside the float graph that it was made of."""

import json
import shutil

import numpy as np
import pytest

from mlops.corpus.sample import sample_recipes
from mlops.errors import Permanent
from mlops.kernel.build import LIBRARY
from mlops.kernel.library import kernel, load
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.encoder import Encoder
from mlops.retrieval.encoder_source import find_encoder, write_encoder
from mlops.retrieval.int8_encoder import FILES, FOLDER, SHAPE_FILE, open_int8
from mlops.retrieval.quantising import write_int8

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(kernel() is None, reason="no kernel here: no C compiler, or a CPU without AVX-512 VNNI"),
]

QUERIES = [
    "chicken soup",
    "a quick vegan dinner with chickpeas, spinach and lemon",
    "something sweet with apples that is not a pie",
    "ñandú al horno con patatas",
    "1/2 cup of flour; 3 eggs (beaten) & a pinch of salt",
]
ODD = ["🍕", "", " ", "word " * 400, "antidisestablishmentarianism" * 20, "\x00\x01", "中文 食谱"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("int8") / "encoder"
    write_encoder(find_encoder(), out)
    assert write_int8(out, [recipe.title for recipe in sample_recipes()])
    return out


@pytest.fixture(scope="session")
def exact(folder):
    return Encoder.load(folder)


@pytest.fixture(scope="session")
def quick(folder):
    return open_int8(folder, kernel())


def test_vectors_are_those_of_the_float_graph_but_for_a_thousandth(exact, quick):
    cosines = (exact.encode(QUERIES) * quick.encode(QUERIES)).sum(axis=1)
    assert cosines.min() > 0.998


def test_what_nobody_would_type_is_encoded_too(exact, quick):
    vectors = quick.encode(ODD)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert (exact.encode(ODD) * vectors).sum(axis=1).min() > 0.98


def test_nine_of_the_ten_nearest_recipes_stay(exact, quick):
    recipes = sample_recipes()
    documents = exact.encode([semantic_text(recipe) for recipe in recipes])
    queries = [recipe.title.lower() for recipe in recipes[:100]]
    nearest = [np.argsort(-(each.encode(queries) @ documents.T), axis=1)[:, :10] for each in (exact, quick)]
    kept = [len(set(one) & set(other)) / 10 for one, other in zip(*nearest, strict=True)]
    assert np.mean(kept) > 0.95


def test_a_text_has_the_same_vector_alone_and_in_a_batch(quick):
    texts = [*QUERIES, *ODD] * 30
    told = []
    together = quick.encode(texts, told.append)
    assert told[-1] == len(texts)
    assert np.array_equal(together, np.concatenate([quick.encode([text]) for text in texts]))


def test_two_threads_make_the_same_vector_as_one(folder, quick, tmp_path):
    helped = load(shutil.copy(LIBRARY, tmp_path))
    if not helped.call_companion():
        pytest.skip("one processor: there is nobody to help")
    encoder = open_int8(folder, helped)
    for text in [*QUERIES, *ODD] * 10:
        assert np.array_equal(encoder.encode([text]), quick.encode([text])), text


def test_nothing_to_encode_gives_no_vector(quick):
    assert quick.encode([]).shape == (0, 384)


def test_the_same_graph_gives_the_same_files(folder, tmp_path):
    again = shutil.copytree(folder, tmp_path / "again", ignore=shutil.ignore_patterns(FOLDER))
    write_int8(again, [recipe.title for recipe in sample_recipes()])
    for name in (*FILES, SHAPE_FILE):
        assert (again / FOLDER / name).read_bytes() == (folder / FOLDER / name).read_bytes(), name


@pytest.mark.parametrize("name", [*FILES, SHAPE_FILE])
@pytest.mark.parametrize("content", [b"", b"\x00damaged", None], ids=["empty", "damaged", "missing"])
def test_a_file_that_cannot_be_read_is_a_permanent_fault(folder, tmp_path, name, content):
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("model.onnx"))
    path = copy / FOLDER / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(Permanent, match="cannot be loaded"):
        open_int8(copy, kernel())


@pytest.mark.parametrize("name", FILES)
def test_an_array_of_another_size_is_refused_before_the_kernel_reads_past_its_end(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("model.onnx"))
    array = np.load(copy / FOLDER / name)
    np.save(copy / FOLDER / name, array[:-1] if name != "positions.npy" else array[:10])
    with pytest.raises(Permanent, match="do not fit together"):
        open_int8(copy, kernel())


@pytest.mark.parametrize("change", [{"layers": 7}, {"hidden": 385}, {"heads": 0}, {"heads": 48}, {"inner": -64}])
def test_a_shape_that_the_kernel_has_not_is_refused(folder, tmp_path, change):
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("model.onnx"))
    path = copy / FOLDER / SHAPE_FILE
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change), encoding="utf-8")
    with pytest.raises(Permanent, match="do not fit together"):
        open_int8(copy, kernel())
