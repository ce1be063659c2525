"""Answers that were given lately, to be given again: most of what users ask, others have asked before.

An answer follows from the model and the question alone, so a key of both never goes stale. What may turn out otherwise
a second later is not remembered: an answer with a note, as of a query that could not be translated.

All of an answer is one piece of bytes. Ten thousand answers as objects are a third of a million for the collector of
garbage to look through, and it stopped every request for a tenth of a second.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import orjson
from cachetools import LRUCache

from predictor.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mlops.recommendation import Answer, Ask, ServedModel
    from predictor.packing import Remembered

# What an entry takes besides its bytes, measured with tracemalloc; and a hit that is unpacked.
_ENTRY_BYTES, _HIT_BYTES = 470, 200
T = TypeVar("T")


class AnswerMemory:
    """Remembers as many answers as fit `limit` bytes, those asked for last. Safe to use from any thread.

    Half of it is for those that were asked for again, so that questions that come once, however many, push out none of
    them: a segmented LRU (Karedla, Love and Wherry 1994).

    A sixteenth of it is for those that are asked for all the time, unpacked: unpacking takes longer than all else of
    such an answer, and lets go of the interpreter, which another thread then takes for as long again. More of it would
    answer less: what is unpacked takes the place of three that are packed, and computing one costs as much as a hundred
    times unpacking.
    """

    def __init__(self, limit: int) -> None:
        self._lock = Lock()
        self._packing = Packing()
        unpacked = limit // 16
        half = (limit - unpacked) // 2
        self._once: LRUCache[Hashable, tuple[bytes, float]] = LRUCache(half, getsizeof=_packed_size)
        self._again: LRUCache[Hashable, tuple[bytes, float]] = LRUCache(half, getsizeof=_packed_size)
        self._unpacked: LRUCache[Hashable, Remembered] = LRUCache(unpacked, getsizeof=_unpacked_size)

    def __len__(self) -> int:
        return len(self._once) + len(self._again)

    @property
    def pack(self) -> Callable[[Answer, bytes], bytes]:
        """What makes answers small enough to be kept."""
        return self._packing.pack

    def find(self, served: ServedModel, ask: Ask) -> Remembered | None:
        """Return what `served` answered to `ask`, if that is still known."""
        key = _key(served, ask)
        with self._lock:
            found = self._found(key)
            if found is None:
                return None
            remembered = self._unpacked.get(key)
        if remembered is None:
            remembered = self._packing.unpack(*found)
            self._put(self._unpacked, key, remembered)
        return remembered

    def keep(self, served: ServedModel, ask: Ask, packed: bytes, seconds: float) -> None:
        """Remember what `pack` made of an answer that took `seconds`; nothing where it made nothing of it."""
        if packed:
            self._put(self._once, _key(served, ask), (packed, seconds))

    def _found(self, key: Hashable) -> tuple[bytes, float] | None:
        """For who has the lock."""
        found = self._again.get(key)
        if found is None and (found := self._once.pop(key, None)) is not None:
            self._again[key] = found
        return found

    def _put(self, kept: LRUCache[Hashable, T], key: Hashable, value: T) -> None:
        with self._lock, suppress(ValueError):  # one alone may be larger than all that is kept
            kept[key] = value


def _packed_size(entry: tuple[bytes, float]) -> int:
    return _ENTRY_BYTES + len(entry[0])


def _unpacked_size(remembered: Remembered) -> int:
    return _ENTRY_BYTES + len(remembered.recipes) + _HIT_BYTES * len(remembered.answer.hits)


def _key(served: ServedModel, ask: Ask) -> Hashable:
    """A tuple of nothing but text and numbers, which the collector of garbage need not look at."""
    key = (served.digest, ask.text, ask.k, ask.language)
    return key if ask.filters.empty else (*key, orjson.dumps(ask.filters.to_row()))
