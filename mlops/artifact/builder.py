"""The part of training that every version needs: a corpus becomes an artefact, whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlops.artifact import layout
from mlops.artifact.embedding import embed
from mlops.artifact.manifest import MANIFEST_FILE, SCHEMA_VERSION, Manifest, hash_files
from mlops.artifact.mlmodel import write_mlmodel
from mlops.artifact.parquet import write_recipes
from mlops.artifact.profile import reference_profile
from mlops.dietary import DietaryRules
from mlops.engines.local import LocalEngine
from mlops.errors import Conflict, Invalid, Permanent
from mlops.recipe import Translation
from mlops.retrieval.documents import lexical_text, parts_text, semantic_text, spanish_text
from mlops.retrieval.encoder_source import write_encoder
from mlops.retrieval.facets import facets_of
from mlops.retrieval.lexical_building import write_lexical
from mlops.retrieval.quantising import write_int8
from mlops.retrieval.rows import write_rows
from mlops.retrieval.sketches import sketch, sketchable
from mlops.translation.recipes import translate_recipes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlops.engines.port import Engine
    from mlops.recipe import Recipe
    from mlops.retrieval.encoder_source import EncoderSource
    from mlops.translation.glossary import Glossary
    from mlops.translation.translator import Translator


class Progress(Protocol):
    """Told how far a phase has come: `progress("embed", 320, 46370)`."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report `done` of `total` in `phase`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSpec:
    """What identifies a build besides its recipes.

    `kept` is a folder for vectors that are done already, so that a build that was cut short goes on; unset, none.
    """

    model: str
    version: str
    data_digest: str
    code_revision: str
    encoder: EncoderSource
    seed: int = 0
    threads: int = 2
    kept: Path | None = None


def build(  # the two languages' parts and the engine come as ports
    recipes: Sequence[Recipe],
    out: Path,
    spec: BuildSpec,
    *,
    translator: Translator,
    glossary: Glossary,
    progress: Progress,
    engine: Engine | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Manifest:
    """Write the artefact of `recipes` to the folder `out`, without its evaluation; see `seal`.

    `engine` embeds; unset, this process does. Whichever does, the artefact is the same. `vectors` are those of the
    recipes, where they are known already.
    Raises Conflict when `out` holds something, Invalid for an empty corpus, Permanent when the disk is full.
    """
    if out.exists() and any(out.iterdir()):
        raise Conflict(f"{out} is not empty", hint="name a new folder: an artefact is never written over")
    if not recipes:
        raise Invalid("the corpus holds no recipe", hint="check the file, or its rejects")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        manifest = _write(
            recipes, partial, spec, translator, glossary, progress, engine=engine or LocalEngine(), vectors=vectors
        )
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise Permanent(
            f"{out} cannot be written: {error.strerror}", hint="free disk space or name another folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def seal(folder: Path, manifest: Manifest, evaluation: dict[str, Any], metrics: dict[str, float]) -> Manifest:
    """Add the evaluation to the artefact in `folder` and write the manifest anew: the last step of a training."""
    (folder / layout.EVALUATION).write_text(json.dumps(evaluation, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sealed = replace(manifest, metrics=metrics, files=hash_files(folder))
    _write_manifest(folder, sealed)
    return sealed


def _write(
    recipes: Sequence[Recipe],
    folder: Path,
    spec: BuildSpec,
    translator: Translator,
    glossary: Glossary,
    progress: Progress,
    *,
    engine: Engine,
    vectors: NDArray[np.float32] | None,
) -> Manifest:
    (folder / "index").mkdir()
    dimension = write_encoder(spec.encoder, folder / layout.ENCODER)
    total = len(recipes)
    if vectors is None:
        vectors = embed(
            [semantic_text(recipe) for recipe in recipes],
            folder / layout.ENCODER,
            engine=engine,
            threads=spec.threads,
            kept=spec.kept,
            progress=lambda done: progress("embed", done, total),
        )
    # Half the size of float32, and a cosine changes by less than 0.0001.
    halves = vectors.astype(np.float16)
    _save(folder / layout.VECTORS, halves)
    write_int8(folder / layout.ENCODER, [recipe.title for recipe in recipes])
    if sketchable(dimension):
        sketch(halves.astype(np.float32), spec.seed).save(folder / layout.SKETCHES)
    _save(folder / layout.FACETS, facets_of(recipes, DietaryRules.load()))
    progress("index", 0, total)
    write_lexical([lexical_text(recipe) for recipe in recipes], "en", folder / layout.TEXT_INDEX)
    write_lexical([parts_text(recipe) for recipe in recipes], "en", folder / layout.PARTS_INDEX)
    progress("index", total, total)
    translations = list(
        translate_recipes(recipes, translator, glossary, lambda done: progress("translate", done, total))
    )
    spanish = [spanish_text(*pair) for pair in zip(recipes, translations, strict=True)]
    if any(text.strip() for text in spanish):
        write_lexical(spanish, "es", folder / layout.SPANISH_INDEX)
    write_rows(folder, _answer_rows(recipes, translations))
    write_recipes(folder / layout.RECIPES, recipes)
    glossary.save(folder / layout.GLOSSARY)
    profile = reference_profile(recipes, vectors)
    (folder / layout.PROFILE).write_text(json.dumps(profile, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    write_mlmodel(folder)
    manifest = Manifest(
        model=spec.model,
        version=spec.version,
        schema_version=SCHEMA_VERSION,
        encoder=spec.encoder.name,
        encoder_digest=spec.encoder.digest,
        dimension=dimension,
        recipes=total,
        data_digest=spec.data_digest,
        code_revision=spec.code_revision,
        translator=f"{translator.name} {translator.version}",
        seed=spec.seed,
        metrics={},
        files=hash_files(folder),
    )
    _write_manifest(folder, manifest)
    return manifest


def _save(path: Path, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


def _answer_rows(recipes: Sequence[Recipe], translations: Sequence[Translation | None]) -> Iterator[dict[str, Any]]:
    for recipe, given in zip(recipes, translations, strict=True):
        translation, row = given, recipe.to_row()
        if translation is None and recipe.title_es:
            translation = Translation(
                title=recipe.title_es, ingredients=recipe.ingredients, steps=recipe.steps, complete=False
            )
        if translation is not None:
            row["es"] = asdict(translation)
        yield row


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step, so that a crash leaves the old or the new one."""
    fresh = folder / f".{MANIFEST_FILE}.new"
    fresh.write_bytes(manifest.to_bytes())
    fresh.replace(folder / MANIFEST_FILE)
