"""Answers that were given lately, to be given again: most of what users ask, others have asked before.

An answer follows from the model and the question alone, so a key of both never goes stale. What may turn out otherwise
a second later is not remembered: an answer with a note, as of a query that could not be translated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from mlops.recommendation import Hit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.recommendation import Answer, Ask, ServedModel

# What an entry takes besides its JSON: ids, numbers and the question, measured with tracemalloc.
_ENTRY_BYTES = 10_000
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer without recipes, signals and timings; these but for the timings as JSON; and what it took at first."""

    answer: Answer
    recipes: bytes
    seconds: float


class AnswerMemory:
    """Remembers as many answers as fit `limit` bytes, those asked for last. Safe to use from any thread."""

    def __init__(self, limit: int) -> None:
        self._lock = Lock()
        self._kept: LRUCache[tuple[str, Ask], Remembered] = LRUCache(
            limit, getsizeof=lambda entry: _ENTRY_BYTES + len(entry.recipes)
        )

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, served: ServedModel, ask: Ask) -> Remembered | None:
        """Return what `served` answered to `ask`, if that is still known."""
        with self._lock:
            return self._kept.get((served.digest, ask))

    def keep(self, served: ServedModel, ask: Ask, answer: Answer, recipes: bytes, seconds: float) -> None:
        """Remember `answer`, its recipes as JSON, and that it took `seconds`, where it cannot change."""
        if answer.hits and answer.translated and not answer.notes and _ENTRY_BYTES + len(recipes) <= self._kept.maxsize:
            lean = replace(answer, hits=tuple(_lean(hit) for hit in answer.hits), timings=_NOTHING)
            with self._lock:
                self._kept[served.digest, ask] = Remembered(answer=lean, recipes=recipes, seconds=seconds)


def _lean(hit: Hit) -> Hit:
    # By hand: `replace` takes three times as long, and this is done for each recipe of each answer.
    return Hit(id=hit.id, score=hit.score, recipe=_NOTHING, signals=(), translated=hit.translated)
