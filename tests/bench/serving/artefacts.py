"""What each server serves, built once: our artefact by the product's own builder, and the peers' folder beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from mlops.artifact.builder import BuildSpec, build
from mlops.artifact.manifest import MANIFEST_FILE, SCHEMA_VERSION
from mlops.cli.console import phases, say
from mlops.recipe import corpus_digest
from mlops.retrieval.encoder_source import find_encoder
from mlops.translation.glossary import Glossary
from mlops.translation.identity import IdentityTranslator
from tests.bench.serving.cache import PEERS, appearing, bench_folder, key_of, peer_python
from tests.bench.serving.reference import Reference

if TYPE_CHECKING:
    from tests.bench.serving.corpus import Corpus

MODEL = "recipes"
_ROOT = Path(__file__).parents[3]
# What decides about the files of an artefact: they have changed without a new schema before.
_WRITERS = (
    *(f"mlops/artifact/{name}.py" for name in ("builder", "embedding", "layout", "manifest", "parquet", "profile")),
    *(
        f"mlops/retrieval/{name}.py"
        for name in (
            "analyzer",
            "bf16_encoder",
            "documents",
            "encoder_graph",
            "encoder_layers",
            "facets",
            "lexical_building",
            "quantising",
            "rows",
            "sketches",
            "term_fields",
        )
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A folder to serve, how long its making took without embedding, and its size."""

    folder: Path
    seconds: float
    mebibytes: float


def ours(corpus: Corpus, *, rebuild: bool) -> Built:
    """The artefact of `corpus`; kept by its recipes, the artefact's schema, and the code that writes it.

    Artefacts of the same recipes by other code are deleted: one of a million recipes takes gigabytes.
    """
    root = bench_folder() / "artefacts"
    folder = root / f"{corpus.key}-schema{SCHEMA_VERSION}-{writers_key()}"
    note = folder.with_suffix(".json")
    if rebuild or not (folder / MANIFEST_FILE).is_file() or not note.is_file():
        for old in root.glob(f"{corpus.key}-*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        root.mkdir(parents=True, exist_ok=True)
        _record(note, _build(corpus, folder))
    return Built(
        folder=folder,
        seconds=json.loads(note.read_text(encoding="utf-8"))["seconds"],
        mebibytes=_mebibytes(folder),
    )


def theirs(corpus: Corpus, *, indexed: bool) -> Built:
    """The peers' folder of `corpus`: vectors, rows, the int8 encoder, and faiss' index where it is asked for."""
    key = key_of(corpus.key, *((PEERS / name).read_bytes() for name in ("build_index.py", "litserve.txt")))
    folder = bench_folder() / "served" / f"{corpus.key}-{key}"
    if not folder.is_dir():
        with appearing(folder) as partial:
            _write_rows(corpus, partial)
            np.save(partial / "vectors.npy", corpus.exact)
            reference = Reference.open()
            shutil.copyfile(reference.quantized(), partial / "model.int8.onnx")
            shutil.copyfile(reference.folder / "tokenizer.json", partial / "tokenizer.json")
    note = folder.with_suffix(".json")
    if indexed and not note.is_file():
        say(f"building faiss' index of {len(corpus.recipes):,} vectors")
        began = time.perf_counter()
        subprocess.run([peer_python("litserve"), PEERS / "build_index.py", folder], check=True)
        _record(note, time.perf_counter() - began)
    seconds = json.loads(note.read_text(encoding="utf-8"))["seconds"] if note.is_file() else 0.0
    return Built(folder=folder, seconds=seconds, mebibytes=_mebibytes(folder))


def _build(corpus: Corpus, folder: Path) -> float:
    """Seconds of it, of which none for vectors: those are kept."""
    spec = BuildSpec(
        model=MODEL,
        version="0.0.0-bench",
        data_digest=corpus_digest(corpus.recipes),
        code_revision="bench",
        encoder=find_encoder(),
    )
    began = time.perf_counter()
    with phases() as progress:
        build(
            corpus.recipes, folder, spec, translator=IdentityTranslator(), glossary=Glossary.shipped(),
            progress=progress, vectors=corpus.embedded,
        )  # fmt: skip
    return time.perf_counter() - began


def _write_rows(corpus: Corpus, folder: Path) -> None:
    starts = [0]
    with (folder / "rows.jsonl").open("wb") as file:
        for recipe in corpus.recipes:
            starts.append(starts[-1] + file.write(orjson.dumps(recipe.to_row(), option=orjson.OPT_APPEND_NEWLINE)))
    np.save(folder / "starts.npy", np.array(starts, dtype=np.int64))


def _record(note: Path, seconds: float) -> None:
    note.write_text(json.dumps({"seconds": round(seconds, 3)}), encoding="utf-8")


def writers_key() -> str:
    """Differs where code does that decides what an artefact holds."""
    return key_of(*((_ROOT / name).read_bytes() for name in _WRITERS))


def _mebibytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / (1 << 20)
