"""Recipes in any number, with vectors: real ones first, then mixtures of two real ones, so that clusters stay clusters.

Embedding 46,000 recipes takes minutes, so the vectors of the real ones are kept; those of mixtures are mixtures of
vectors with a little noise, which costs nothing and keeps neighbours neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlops.cli.console import phases
from mlops.corpus.importing import open_corpus
from mlops.corpus.sample import sample_recipes
from mlops.retrieval.documents import semantic_text, without_quantities
from tests.bench.serving.cache import bench_folder, key_of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.recipe import Recipe
    from tests.bench.serving.reference import Reference

ARCHIVE = "recipes_archive.parquet"
SEED = 20
# Length of the noise beside a unit vector, and how much of a mixture is its first recipe's.
NOISE, LEAST, MOST = 0.15, 0.55, 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The real recipes, in the order of ids, their vectors float32 (recipes, dimension), and where they come from."""

    recipes: Sequence[Recipe]
    vectors: NDArray[np.float32]
    source: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """`size` recipes and their vectors; `key` names them."""

    recipes: Sequence[Recipe]
    vectors: NDArray[np.float32]
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
        recipes=ordered, vectors=vectors_of(texts, reference), source=f"{len(ordered):,} recipes of {source}", key=key
    )


def corpus(base: Base, size: int) -> Corpus:
    """A draw of the real ones, or all of them and as many mixtures as are wanting."""
    draw = np.random.default_rng([SEED, size])
    real = len(base.recipes)
    key = f"{size}-{base.key}"
    if size <= real:
        chosen = np.sort(draw.choice(real, size, replace=False))
        return Corpus(recipes=[base.recipes[place] for place in chosen], vectors=base.vectors[chosen], key=key)
    first = np.arange(real, size) % real
    second = draw.integers(real, size=len(first))
    share = draw.uniform(LEAST, MOST, size=(len(first), 1)).astype(np.float32)
    mixed = share * base.vectors[first] + (1 - share) * base.vectors[second]
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    mixed += draw.standard_normal(mixed.shape, dtype=np.float32) * np.float32(NOISE / np.sqrt(mixed.shape[1]))
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    recipes = [*base.recipes, *_mixtures(base.recipes, pairs)]
    return Corpus(recipes=recipes, vectors=np.concatenate([base.vectors, mixed]), key=key)


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
    kept = bench_folder() / "vectors" / f"{reference.key}-{key_of_texts(texts)}.npy"
    if not kept.is_file():
        with phases() as progress:
            vectors = reference.encode(texts, lambda done: progress("embed", done, len(texts)))
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npy")
        np.save(partial, vectors, allow_pickle=False)
        partial.rename(kept)
    vectors = np.load(kept, allow_pickle=False)
    if len(vectors) != len(texts):
        raise ValueError(f"{kept} holds {len(vectors)} vectors for {len(texts)} texts; delete it")
    return vectors
