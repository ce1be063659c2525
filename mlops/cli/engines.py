"""The options `--engine` and `--workers`, the same for every verb that takes long, and `recipes embed`."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from mlops.cli.console import answer, phases, print_json, say
from mlops.config import Settings
from mlops.embedded.home import Home
from mlops.errors import Conflict, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.engines.port import Engine


class EngineName(StrEnum):
    """Where a computation is done."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[EngineName, typer.Option("--engine", help="Where it is done; the result is the same.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of Ray; unset, one for each processor.")
]


@contextmanager
def engine_of(name: EngineName, workers: int | None) -> Iterator[Engine]:
    """Open the engine. Raises Permanent where Ray is not installed, Transient where its cluster does not answer."""
    if name is EngineName.LOCAL:
        from mlops.engines.local import LocalEngine  # noqa: PLC0415 - other verbs start faster without

        yield LocalEngine()
        return
    try:
        from mlops.engines.ray_engine import RayEngine  # noqa: PLC0415 - an extra of its own
    except ModuleNotFoundError as error:
        raise Permanent(
            "Ray is not installed", hint="pip install 'recipe-recommender[ray]', or --engine local"
        ) from error
    with RayEngine(workers) as engine:
        yield engine


def add_to(app: typer.Typer) -> None:
    """Add the verb of this module."""
    app.command()(embed)


def embed(
    corpus: Annotated[
        Path | None, typer.Option(help="A file of recipes; without it, what was imported, else the sample.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New .npy file for the vectors, in the order of ids.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Packaged encoder, folder, or Hugging Face name.")] = None,
    engine: EngineOption = EngineName.LOCAL,
    workers: WorkersOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compute the vectors of a corpus; a `recipes train` of the same recipes in this home then finds them done."""
    from mlops.artifact.embedding import embed  # noqa: PLC0415 - other verbs start faster without
    from mlops.embedded.corpus import recipes_for_training  # noqa: PLC0415 - as above
    from mlops.retrieval.documents import semantic_text  # noqa: PLC0415 - as above
    from mlops.retrieval.encoder_source import find_encoder, write_encoder  # noqa: PLC0415 - as above
    from mlops.training import corpus_of  # noqa: PLC0415 - as above

    if out is not None and out.exists():
        raise Conflict(f"{out} exists", hint="name a new file")
    settings = Settings()
    reading = recipes_for_training(corpus, settings.home)
    say(f"Reading {reading.source}")
    texts = [semantic_text(recipe) for recipe in corpus_of(reading.recipes)]
    told: list[int] = []

    def so_far(done: int) -> None:
        told.append(done)
        progress("embed", done, len(texts))

    with TemporaryDirectory() as scratch, engine_of(engine, workers) as where, phases() as progress:
        folder = Path(scratch) / "encoder"
        write_encoder(find_encoder(encoder or settings.encoder), folder)
        started = perf_counter()
        vectors = embed(
            texts,
            folder,
            engine=where,
            threads=settings.threads if engine is EngineName.LOCAL else 1,
            kept=Home(settings.home).vectors,
            progress=so_far,
        )
        seconds = perf_counter() - started
    if out is not None:
        _write(out, vectors)
    digest = f"sha256:{hashlib.sha256(vectors.tobytes()).hexdigest()}"
    if json:
        document = {"recipes": len(texts), "digest": digest, "engine": engine.value, "found_done": told[0]}
        print_json({**document, "seconds": round(seconds, 3)})
    else:
        answer(f"{len(texts)} recipes in {seconds:.1f} s, {told[0]} of them done before\n{digest}")


def _write(out: Path, vectors: np.ndarray) -> None:
    try:
        with out.open("xb") as stream:
            np.save(stream, vectors, allow_pickle=False)
    except OSError as error:
        raise Permanent(f"{out} cannot be written: {error.strerror}", hint="check the folder and its space") from error
