"""`manifest.json`: what an artefact is, and the sha256 of every file in it; the version's digest is that of this file.

The manifest holds no time and no path, so that the same corpus, code and seed give the same digest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mlops.errors import Invalid, NotFound, Permanent

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST_FILE = "manifest.json"
SCHEMA_VERSION = 1
# Loading `models:/NAME@champion` makes MLflow write this file into the very folder that was registered.
MLFLOW_NOTE = "registered_model_meta"
# After each piece a thread asks for the interpreter again and waits its turn. In the pieces of hashlib.file_digest,
# a sixteenth of these, a predictor that imported meanwhile took twice as long for its artefact as for hashing it.
_PIECE = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Identity and contents of an artefact. `files` maps relative paths to `sha256:…`; `metrics` are of training.

    `lineage` says of a retrained version what it came from; None for one that was trained from a corpus.
    """

    model: str
    version: str
    schema_version: int
    encoder: str
    encoder_digest: str
    dimension: int
    recipes: int
    data_digest: str
    code_revision: str
    translator: str
    seed: int
    metrics: dict[str, float]
    files: dict[str, str]
    lineage: dict[str, Any] | None = None

    def to_bytes(self) -> bytes:
        """The file's content: sorted keys, so that equal manifests are equal bytes."""
        document = asdict(self)
        if self.lineage is None:
            # As before there was such a thing: the digest of a registered version never changes.
            del document["lineage"]
        return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """`sha256:` and the hash of the manifest's bytes: it pins every file of the artefact."""
        return f"sha256:{hashlib.sha256(self.to_bytes()).hexdigest()}"


def hash_file(path: Path) -> str:
    """Return `sha256:…` of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        piece = memoryview(bytearray(_PIECE))
        while size := stream.readinto(piece):
            digest.update(piece[:size])
    return f"sha256:{digest.hexdigest()}"


def hash_files(folder: Path) -> dict[str, str]:
    """Hash every file below `folder` but the manifest and MLflow's note; refuses links, which could point out of it."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise Invalid(f"{path} is a link; an artefact holds plain files only")
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in {MANIFEST_FILE, MLFLOW_NOTE}:
            hashes[name] = hash_file(path)
    return hashes


def read_manifest(folder: Path) -> Manifest:
    """Parse the manifest of `folder`.

    Raises NotFound where there is none, Invalid where it is not one of ours or of a schema this code does not read.
    """
    path = folder / MANIFEST_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        schema = document["schema_version"]
        if schema != SCHEMA_VERSION:
            raise Invalid(
                f"{path}: schema version {schema}, this code reads {SCHEMA_VERSION}", hint="train the version again"
            )
        return Manifest(**document)
    except FileNotFoundError as error:
        raise NotFound(
            f"{folder} holds no {MANIFEST_FILE}", hint="name the folder that `recipes train` wrote"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid(
            f"{path} is not an artefact manifest: {error}", hint="fetch or train the artefact anew"
        ) from error


def verify(folder: Path, manifest: Manifest, expected_digest: str | None = None) -> None:
    """Compare every file with the manifest, and the manifest with `expected_digest`.

    Raises Permanent that names the first file that is missing, foreign or changed, with both digests.
    """
    if expected_digest is not None and manifest.digest != expected_digest:
        raise Permanent(
            f"{folder / MANIFEST_FILE} has digest {manifest.digest}, expected {expected_digest}",
            hint="this is another artefact than the one that was registered; fetch it anew",
        )
    found = hash_files(folder)
    for name, wanted in manifest.files.items():
        actual = found.pop(name, None)
        if actual is None:
            raise Permanent(f"{folder / name} is missing, expected {wanted}", hint="fetch or train the artefact anew")
        if actual != wanted:
            raise Permanent(
                f"{folder / name} is damaged: digest {actual}, expected {wanted}",
                hint="fetch or train the artefact anew",
            )
    if found:
        name, actual = next(iter(found.items()))
        raise Permanent(
            f"{folder / name} ({actual}) does not belong to this artefact: the manifest does not name it",
            hint="remove the file; an artefact is never changed after it was built",
        )
