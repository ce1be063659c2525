"""Remembers what a translator answered: a wrapper that is itself a translator.

Own code on `OrderedDict`: `functools.lru_cache` can neither look up many keys at once nor leave failures out, and a
library's LRU would still need the lock.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from mlops.translation.translator import QUERY_SECONDS, Health, Line, Translator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.recommendation import Language

DEFAULT_LINES = 4096
# A longer line is a recipe's, met once; remembering it would make the bound of lines no bound of memory.
LONGEST_REMEMBERED = 500

_Key = tuple[str, "Language", "Language", str]


class CachedTranslator:
    """Answers from memory what `translator` answered before; what stayed untranslated is tried again every time.

    Keys hold the provider's version, so that none outlives its dictionary.
    """

    def __init__(self, translator: Translator, lines: int = DEFAULT_LINES) -> None:
        self._translator = translator
        self._most = lines
        self._lock = Lock()
        self._known: OrderedDict[_Key, Line] = OrderedDict()
        self.name = translator.name
        self.version = translator.version

    def __len__(self) -> int:
        return len(self._known)

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        """Ask the translator only for the lines that are not remembered, each once."""
        keys: list[_Key] = [(self.version, source, target, line) for line in lines]
        answers = self._remembered(keys)
        missing = list(dict.fromkeys(key[-1] for key in keys if key not in answers))
        if missing:
            fresh = self._translator.translate(missing, source, target, deadline=deadline)
            new: dict[_Key, Line] = {
                (self.version, source, target, line): answer for line, answer in zip(missing, fresh, strict=True)
            }
            self._remember(new)
            answers |= new
        return tuple(answers[key] for key in keys)

    def healthy(self) -> Health:
        """The translator's own health."""
        return self._translator.healthy()

    def close(self) -> None:
        """Close the translator and forget everything."""
        self._translator.close()
        with self._lock:
            self._known.clear()

    def _remembered(self, keys: Sequence[_Key]) -> dict[_Key, Line]:
        found = {}
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
                    found[key] = self._known[key]
        return found

    def _remember(self, answers: dict[_Key, Line]) -> None:
        with self._lock:
            for key, answer in answers.items():
                if answer.status != "untranslated" and len(key[-1]) <= LONGEST_REMEMBERED:
                    self._known[key] = answer
                    self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
