"""A translator that knows a few words: deterministic, and as honest about the rest as the real ones have to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.translation.translator import QUERY_SECONDS, Health, Line, untranslated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.recommendation import Language

SPANISH: Mapping[str, str] = {"the": "la", "with": "con", "salt": "sal", "soup": "sopa", "you": "tú", "must": "debes"}


@dataclass
class WordTranslator:
    """Replaces words by `words` (English to Spanish; the other way round for the other direction).

    `asked` keeps every line that was asked for. While `broken` is true nothing is translated, as when a provider is down.
    """

    words: Mapping[str, str] = field(default_factory=lambda: SPANISH)
    name: str = "words"
    version: str = "1"
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        self.asked += lines
        if self.broken or self.closed or source == target or deadline <= 0:
            return untranslated(lines, self.name)
        table = self.words if source == "en" else {there: here for here, there in self.words.items()}
        return tuple(self._line(line, table) for line in lines)

    def healthy(self) -> Health:
        return Health(ok=not (self.broken or self.closed), reason="broken" if self.broken else "")

    def close(self) -> None:
        self.closed = True

    def _line(self, line: str, table: Mapping[str, str]) -> Line:
        words = line.split()
        unknown = tuple(dict.fromkeys(word for word in words if word.isalpha() and word.lower() not in table))
        known = sum(1 for word in words if word.lower() in table)
        if unknown and not known:
            return Line(text=line, status="untranslated", provider=self.name)
        text = " ".join(table.get(word.lower(), word) for word in words)
        return Line(text=text, status="partial" if unknown else "ok", provider=self.name, unknown=unknown)
