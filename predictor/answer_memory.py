"""Answers that were given lately, to be given again: most of what users ask, others have asked before.

An answer follows from the model and the question alone, so a key of both never goes stale. What may turn out otherwise
a second later is not remembered: an answer with a note, as of a query that could not be translated.

All of an answer is one piece of bytes. Ten thousand answers as objects are a third of a million for the collector of
garbage to look through, and it stopped every request for a tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from isal import isal_zlib

from mlops.recommendation import NO_FILTERS, Answer, Filters, Hit
from predictor.lately_used import LatelyUsed

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from mlops.recommendation import Ask, ServedModel

# What an entry takes besides its bytes, measured with tracemalloc; and a hit that is unpacked.
_ENTRY_BYTES, _HIT_BYTES = 370, 200
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer without recipes, signals and timings; these but for the timings as JSON; and what it took at first."""

    answer: Answer
    recipes: bytes
    seconds: float


class AnswerMemory:
    """Remembers as many answers as fit `limit` bytes, those asked for last. Safe to use from any thread.

    A sixteenth of it is for those that are asked for all the time, unpacked: unpacking takes longer than all else of
    such an answer, and lets go of the interpreter, which another thread then takes for as long again. More of it would
    answer less: what is unpacked takes the place of three that are packed, and computing one costs as much as a hundred
    times unpacking.
    """

    def __init__(self, limit: int) -> None:
        self._lock = Lock()
        unpacked = limit // 16
        self._kept: LatelyUsed[tuple[bytes, float]] = LatelyUsed(limit - unpacked, _packed_size)
        self._unpacked: LatelyUsed[Remembered] = LatelyUsed(unpacked, _unpacked_size)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, served: ServedModel, ask: Ask) -> Remembered | None:
        """Return what `served` answered to `ask`, if that is still known."""
        key = _key(served, ask)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            remembered = self._unpacked.get(key)
        if remembered is None:
            remembered = _unpack(*found)
            with self._lock:
                self._unpacked.put(key, remembered)
        return remembered

    def keep(self, served: ServedModel, ask: Ask, packed: bytes, seconds: float) -> None:
        """Remember what `pack` made of an answer that took `seconds`; nothing where it made nothing of it."""
        if packed:
            key = _key(served, ask)
            with self._lock:
                self._kept.put(key, (packed, seconds))


def pack(answer: Answer, recipes: bytes) -> bytes:
    """Make an answer, its recipes as JSON, small: a third, in a fiftieth of the time that it took to compute.

    Zlib's format by Intel's library, which takes a third of the time of zlib itself and half of it for unpacking.

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
    packed = isal_zlib.compress(orjson.dumps(head) + b"\n" + recipes, isal_zlib.ISAL_BEST_SPEED)
    # A copy of its size: the library's has been cut from a larger piece, whose rest stays a hole between the answers
    # that are kept. A full memory of 64 MB took 100.
    return bytes(memoryview(packed))


def _unpack(packed: bytes, seconds: float) -> Remembered:
    head, recipes = isal_zlib.decompress(packed).split(b"\n", 1)
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


def _packed_size(entry: tuple[bytes, float]) -> int:
    return _ENTRY_BYTES + len(entry[0])


def _unpacked_size(remembered: Remembered) -> int:
    return _ENTRY_BYTES + len(remembered.recipes) + _HIT_BYTES * len(remembered.answer.hits)


def _key(served: ServedModel, ask: Ask) -> Hashable:
    """A tuple of nothing but text and numbers, which the collector of garbage need not look at."""
    key = (served.digest, ask.text, ask.k, ask.language)
    return key if ask.filters.empty else (*key, orjson.dumps(ask.filters.to_row()))
