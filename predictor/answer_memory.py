"""Answers that were given lately, to be given again: most of what users ask, others have asked before.

An answer follows from the model and the question alone, so a key of both never goes stale. What may turn out otherwise
a second later is not remembered: an answer with a note, as of a query that could not be translated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from cachetools import LRUCache

from predictor.answers import recipe_body

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

    def keep(self, served: ServedModel, ask: Ask, answer: Answer, seconds: float) -> bytes:
        """Return the recipes of `answer` as JSON; remember it, and that it took `seconds`, where it cannot change."""
        recipes = orjson.dumps([recipe_body(hit) for hit in answer.hits])
        if answer.hits and answer.translated and not answer.notes and _ENTRY_BYTES + len(recipes) <= self._kept.maxsize:
            hits = tuple(hit._replace(recipe=_NOTHING, signals=()) for hit in answer.hits)
            lean = replace(answer, hits=hits, timings=_NOTHING)
            with self._lock:
                self._kept[served.digest, ask] = Remembered(answer=lean, recipes=recipes, seconds=seconds)
        return recipes
