"""Answers as a piece of bytes each, a third of what they are as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from isal import isal_zlib

from mlops.recommendation import NO_FILTERS, Answer, Filters, Hit

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of the example that answers are packed by; with twice as much they get a hundredth smaller.
_EXAMPLE_BYTES = 4096
# Deflate without a head and a sum, which are of use to who reads a file.
_RAW, _MEMORY = -15, 8
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer without recipes, signals and timings; these but for the timings as JSON; and what it took at first."""

    answer: Answer
    recipes: bytes
    seconds: float


class Packing:
    """Packs answers and unpacks them, those that it has packed itself. Safe to use from any thread.

    The recipes of the first answer are the example for all: what an answer has in common with them, such as the names
    of its fields and the words of a kitchen, takes no place in it. That is a tenth.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._example: bytes | None = None

    def pack(self, answer: Answer, recipes: bytes) -> bytes:
        """Make an answer, its recipes as JSON, small, in a fiftieth of the time that it took to compute.

        By Intel's library, which takes a third of the time of zlib itself and half of it for unpacking.

        Empty where it may turn out otherwise when it is asked for again.
        """
        if not answer.hits or not answer.translated or answer.notes:
            return b""
        head: dict[str, Any] = {
            "language": answer.language,
            "query_en": answer.query_en,
            "version": answer.version,
            "hits": [(hit.id, hit.score, hit.translated) for hit in answer.hits],
        }
        if not answer.filters.empty:
            head["filters"] = answer.filters.to_row()
        packing = isal_zlib.compressobj(
            isal_zlib.ISAL_BEST_SPEED, isal_zlib.DEFLATED, _RAW, _MEMORY, 0, self._example_from(recipes)
        )
        packed = packing.compress(orjson.dumps(head) + b"\n" + recipes) + packing.flush()
        # A copy of its size: the library's has been cut from a larger piece, whose rest stays a hole between the
        # answers that are kept. A full memory of 64 MB took 100.
        return bytes(memoryview(packed))

    def unpack(self, packed: bytes, seconds: float) -> Remembered:
        """Give back an answer that took `seconds`."""
        plain = isal_zlib.decompressobj(_RAW, self._example_from(b"")).decompress(packed)
        head, recipes = plain.split(b"\n", 1)
        kept = orjson.loads(head)
        answer = Answer(
            hits=tuple(
                Hit(id=hit, score=score, recipe=_NOTHING, signals=(), translated=translated)
                for hit, score, translated in kept["hits"]
            ),
            language=kept["language"],
            query_en=kept["query_en"],
            translated=True,
            filters=Filters.from_row(kept["filters"]) if "filters" in kept else NO_FILTERS,
            version=kept["version"],
            timings=_NOTHING,
        )
        return Remembered(answer=answer, recipes=recipes, seconds=seconds)

    def _example_from(self, recipes: bytes) -> bytes:
        with self._lock:
            if self._example is None:
                self._example = recipes[-_EXAMPLE_BYTES:]
            return self._example
