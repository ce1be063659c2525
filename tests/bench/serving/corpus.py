"""Recipes in any number, with vectors: real ones first, then mixtures of two real ones, so that clusters stay clusters.

Embedding 46,000 recipes takes minutes, so the vectors of the real ones are kept; those of mixtures are mixtures of
vectors with a little noise, which costs nothing and keeps neighbours neighbours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from mlops.artifact.embedding import embed
from mlops.cli.console import phases
from mlops.corpus.importing import open_corpus
from mlops.corpus.sample import sample_recipes
from mlops.engines.local import LocalEngine
from mlops.retrieval.documents import semantic_text, without_quantities
from mlops.retrieval.encoder_source import find_encoder, write_encoder
from tests.bench.serving.artefacts import writers_key
from tests.bench.serving.cache import bench_folder, key_of_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mlops.recipe import Recipe
    from tests.bench.serving.reference import Reference

ARCHIVE = "recipes_archive.parquet"
SEED = 20
# Length of the noise beside a unit vector, and how much of a mixture is its first recipe's.
NOISE, LEAST, MOST = 0.15, 0.55, 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The real recipes, in the order of ids, and where they come from.

    Their vectors float32 (recipes, dimension): `exact` in fp32, and as the product embeds.
    """

    recipes: Sequence[Recipe]
    exact: NDArray[np.float32]
    embedded: NDArray[np.float32]
    source: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """`size` recipes and their vectors, as in Base; `key` names them."""

    recipes: Sequence[Recipe]
    exact: NDArray[np.float32]
    embedded: NDArray[np.float32]
    key: str


def read_base(data: Path, reference: Reference) -> Base:
    """The archive of the shared data; where it is not there, our own sample of a few hundred."""
    archive = data / ARCHIVE
    if archive.is_file():
        recipes, source = open_corpus(archive).recipes, f"the archive of {data.name}"
    else:
        recipes, source = sample_recipes(), f"our own sample, because {archive.name} is not there"
    ordered = sorted({recipe.id: recipe for recipe in recipes}.values(), key=lambda recipe: recipe.id)
    texts = [semantic_text(recipe) for recipe in ordered]
    key = key_of_texts(texts)
    return Base(
        recipes=ordered,
        exact=vectors_of(texts, reference),
        embedded=_kept(f"embedded-{writers_key()}-{key}", texts, lambda told: _embedded(texts, told)),
        source=f"{len(ordered):,} recipes of {source}",
        key=key,
    )


def corpus(base: Base, size: int) -> Corpus:
    """A draw of the real ones, or all of them and as many mixtures as are wanting."""
    draw = np.random.default_rng([SEED, size])
    real = len(base.recipes)
    key = f"{size}-{base.key}"
    if size <= real:
        chosen = np.sort(draw.choice(real, size, replace=False))
        return Corpus(
            recipes=[base.recipes[place] for place in chosen], exact=base.exact[chosen], embedded=base.embedded[chosen],
            key=key,
        )  # fmt: skip
    first = np.arange(real, size) % real
    second = draw.integers(real, size=len(first))
    share = draw.uniform(LEAST, MOST, size=(len(first), 1)).astype(np.float32)
    noise = draw.standard_normal((len(first), base.exact.shape[1]), dtype=np.float32)
    noise *= np.float32(NOISE / np.sqrt(noise.shape[1]))

    def mixed(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        mixtures = _unit(_unit(share * vectors[first] + (1 - share) * vectors[second]) + noise)
        return np.concatenate([vectors, mixtures])

    pairs = zip(first.tolist(), second.tolist(), strict=True)
    recipes = [*base.recipes, *_mixtures(base.recipes, pairs)]
    return Corpus(recipes=recipes, exact=mixed(base.exact), embedded=mixed(base.embedded), key=key)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _mixtures(recipes: Sequence[Recipe], pairs: Iterator[tuple[int, int]]) -> Iterator[Recipe]:
    for number, (first, second) in enumerate(pairs):
        one, other = recipes[first], recipes[second]
        half = len(other.ingredients) // 2
        guest = without_quantities(other.ingredients[0]) if other.ingredients else other.title
        yield replace(
            one,
            id=f"{one.id}-{number}",
            title=f"{one.title} with {guest}"[:200],
            title_original=None,
            title_es=None,
            ingredients=(*one.ingredients, *other.ingredients[:half]),
        )


def vectors_of(texts: Sequence[str], reference: Reference) -> NDArray[np.float32]:
    """The vectors of `texts` in fp32, kept by what they are of."""
    return _kept(f"{reference.key}-{key_of_texts(texts)}", texts, lambda told: reference.encode(texts, told))


def _embedded(texts: Sequence[str], told: Callable[[int], None]) -> NDArray[np.float32]:
    with TemporaryDirectory() as folder:
        write_encoder(find_encoder(), Path(folder) / "encoder")
        return embed(
            texts, Path(folder) / "encoder", engine=LocalEngine(), threads=os.cpu_count() or 1, kept=None, progress=told
        )  # fmt: skip


def _kept(
    name: str, texts: Sequence[str], encode: Callable[[Callable[[int], None]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    kept = bench_folder() / "vectors" / f"{name}.npy"
    if not kept.is_file():
        with phases() as progress:
            vectors = encode(lambda done: progress("embed", done, len(texts)))
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npy")
        np.save(partial, vectors, allow_pickle=False)
        partial.rename(kept)
    vectors = np.load(kept, allow_pickle=False)
    if len(vectors) != len(texts):
        raise ValueError(f"{kept} holds {len(vectors)} vectors for {len(texts)} texts; delete it")
    return vectors
