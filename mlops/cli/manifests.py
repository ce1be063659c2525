"""Manifests from files: YAML or JSON with any number of documents, a directory of such files, or standard input.

All documents are read and parsed before anything is done with the first, and everything that is wrong is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

from controller.resource.parse import parse
from controller.resource.problems import InvalidManifest
from mlops.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STANDARD_INPUT = "-"
SUFFIXES = (".yaml", ".yml", ".json")
LARGEST_FILE = 1 << 20  # bytes; an object of Kubernetes is not larger either
MOST_VALUES = 20_000  # in a document, each alias counted as what it stands for
ORDER = ("Model", "ModelVersion", "ModelApproval")


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest that parses, and where it stands."""

    place: str
    manifest: Mapping[str, Any]


def read_manifests(paths: Sequence[Path], stdin: BinaryIO) -> tuple[Document, ...]:
    """The documents of all files, Models first, then versions, then approvals; each kind in the order of the files.

    Raises NotFound for a path that is not there, Invalid with every problem of every document, or where there is none.
    """
    found: list[Document] = []
    faults: list[str] = []
    for place, stream in _streams(paths, stdin):
        try:
            found += _documents(place, stream)
        except Invalid as fault:
            faults.append(fault.message)
    faults += [told for document in found if (told := _fault(document)) is not None]
    if faults:
        raise Invalid("\n".join(faults), hint="correct the fields named and apply again; nothing was applied")
    if not found:
        raise Invalid(
            f"no manifest in {', '.join(map(str, paths))}", hint="`recipes get -o yaml` shows what one is like"
        )
    return tuple(sorted(found, key=lambda document: ORDER.index(document.manifest["kind"])))


def _streams(paths: Sequence[Path], stdin: BinaryIO) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if str(path) == STANDARD_INPUT:
            yield "standard input", stdin.read(LARGEST_FILE + 1)
        elif path.is_dir():
            for file in sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file()):
                yield str(file), _bytes(file)
        else:
            yield str(path), _bytes(path)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there", hint="name a file, a directory, or - for standard input") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error


def _documents(place: str, raw: bytes) -> Iterator[Document]:
    if len(raw) > LARGEST_FILE:
        raise Invalid(f"{place} is larger than {LARGEST_FILE >> 20} MiB")
    for number, manifest in enumerate(_loaded(place, raw), start=1):
        where = place if number == 1 else f"{place}, document {number}"
        if _values(manifest) > MOST_VALUES:
            raise Invalid(f"{where} stands for more than {MOST_VALUES} values")
        if isinstance(manifest, Mapping) and manifest.get("kind") == "List":
            items = manifest.get("items")
            yield from (Document(where, item) for item in (items if isinstance(items, list) else ()))
        elif manifest is not None:
            yield Document(where, manifest)


def _loaded(place: str, raw: bytes) -> Iterator[Any]:
    try:
        yield from yaml.load_all(raw.decode(), Loader=_Strict)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{place} is no YAML: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:  # a date that does not exist; brackets without end
        raise Invalid(f"{place} is no YAML: {str(error) or 'nested too deeply'}") from error


def _fault(document: Document) -> str | None:
    try:
        parse(document.manifest)
    except InvalidManifest as fault:
        return f"{document.place}: {fault.message}"
    return None


def _values(manifest: Any) -> int:
    """How many values a document stands for once its aliases are written out; stops counting beyond MOST_VALUES."""
    count, left = 0, [manifest]
    while left and count <= MOST_VALUES:
        value = left.pop()
        count += 1
        if isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list):
            left += value
    return count


class _Strict(yaml.SafeLoader):
    """Safe, and refuses a key that stands twice: YAML would keep the last and lose the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)
