"""Answers that were given lately, to be given again: most of what users ask, others have asked before.

An answer follows from the model and the question alone, so a key of both never goes stale. What may turn out otherwise
a second later is not remembered: an answer with a note, as of a query that could not be translated.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from cachetools import LRUCache

from mlops.recommendation import Hit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.recommendation import Answer, Ask, ServedModel

    # The model's digest and the question.
    _Key = tuple[str, Ask]

# What an entry takes besides its JSON: ids, numbers and the question, measured with tracemalloc.
_ENTRY_BYTES = 3_000
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer without recipes, signals and timings; these but for the timings as JSON; and what it took at first."""

    answer: Answer
    recipes: bytes
    seconds: float


class _Remembered(NamedTuple):
    answer: Answer
    packed: bytes
    seconds: float


class AnswerMemory:
    """Remembers as many answers as fit `limit` bytes, those asked for last. Safe to use from any thread.

    An eighth of it is for the recipes of those that are asked for all the time, unpacked: unpacking lets go of the
    interpreter, which another thread then takes for longer than an answer needs.
    """

    def __init__(self, limit: int) -> None:
        self._lock = Lock()
        unpacked = limit // 8
        self._kept: LRUCache[_Key, _Remembered] = LRUCache(
            limit - unpacked, getsizeof=lambda entry: _ENTRY_BYTES + len(entry.packed)
        )
        self._unpacked: LRUCache[_Key, bytes] = LRUCache(unpacked, getsizeof=len)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, served: ServedModel, ask: Ask) -> Remembered | None:
        """Return what `served` answered to `ask`, if that is still known."""
        key = (served.digest, ask)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            recipes = self._unpacked.get(key)
        if recipes is None:
            recipes = zlib.decompress(found.packed)
            with self._lock, suppress(ValueError):  # one alone may be larger than all of it
                self._unpacked[key] = recipes
        return Remembered(answer=found.answer, recipes=recipes, seconds=found.seconds)

    def keep(self, served: ServedModel, ask: Ask, answer: Answer, packed: bytes, seconds: float) -> None:
        """Remember `answer`, its recipes as packed JSON, and that it took `seconds`, where it cannot change."""
        if answer.hits and answer.translated and not answer.notes and _ENTRY_BYTES + len(packed) <= self._kept.maxsize:
            lean = replace(answer, hits=tuple(_lean(hit) for hit in answer.hits), timings=_NOTHING)
            with self._lock:
                self._kept[served.digest, ask] = _Remembered(lean, packed, seconds)


def pack(recipes: bytes) -> bytes:
    """Make JSON small: a third of it, in a fortieth of the time that it took to compute."""
    return zlib.compress(recipes, 1)


def _lean(hit: Hit) -> Hit:
    # By hand: `replace` takes three times as long, and this is done for each recipe of each answer.
    return Hit(id=hit.id, score=hit.score, recipe=_NOTHING, signals=(), translated=hit.translated)
