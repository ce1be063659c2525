"""Our torch-free encoder, and the promise that it is the same encoder as the reference."""

import json

import numpy as np
import onnx
import pytest

from mlops.errors import Permanent, Transient
from mlops.retrieval.encoder import MODEL_FILE, Encoder
from mlops.retrieval.encoder_source import find_encoder, write_encoder
from mlops.retrieval.tokenizer import TOKENIZER_FILE

pytestmark = pytest.mark.contract

TEXTS = [
    "chicken soup",
    "a quick vegan dinner with chickpeas, spinach and lemon",
    "ñandú al horno con patatas",
    "🍕",
    "",
    "1/2 cup of flour; 3 eggs (beaten) & a pinch of salt",
    "word " * 400,
    "antidisestablishmentarianism" * 20,
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("encoder") / "encoder"
    assert write_encoder(find_encoder(), out) == 384
    return out


@pytest.fixture(scope="session")
def encoder(folder):
    return Encoder.load(folder)


def test_vectors_have_norm_one(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_text_has_the_same_vector_alone_and_in_a_batch(encoder):
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.99999


def test_nothing_to_encode_gives_no_vector(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_the_graph_is_deterministic(folder, tmp_path):
    write_encoder(find_encoder(), tmp_path / "again")
    assert (tmp_path / "again" / MODEL_FILE).read_bytes() == (folder / MODEL_FILE).read_bytes()


def test_the_graph_is_valid_onnx_with_fused_operators(folder):
    model = onnx.load(folder / MODEL_FILE)
    kinds = {node.op_type for node in model.graph.node}
    assert {"EmbedLayerNormalization", "Attention", "SkipLayerNormalization", "BiasGelu"} <= kinds


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE, "encoder.json"])
def test_a_damaged_file_is_a_permanent_fault(folder, tmp_path, name):
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(b"\x00damaged")
    with pytest.raises(Permanent, match="cannot be loaded"):
        Encoder.load(tmp_path)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(Permanent, match="safetensors is missing"):
        find_encoder(str(tmp_path))


def test_another_architecture_is_refused_by_name(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}), encoding="utf-8")
    with pytest.raises(Permanent, match="'gpt2'"):
        write_encoder(find_encoder(str(tmp_path)), tmp_path / "out")


def test_a_name_that_is_neither_folder_nor_model_is_refused():
    with pytest.raises(Permanent, match="neither a folder nor"):
        find_encoder("./nowhere")


def test_a_hub_that_cannot_be_reached_is_a_transient_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(Transient, match="could not be fetched"):
        find_encoder("nobody/no-such-encoder")


@pytest.mark.training
def test_our_encoder_equals_sentence_transformers(encoder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - only in the training environment

    reference = SentenceTransformer(str(find_encoder().folder)).encode(TEXTS, normalize_embeddings=True)
    assert (encoder.encode(TEXTS) * reference).sum(axis=1).min() >= 0.9999
