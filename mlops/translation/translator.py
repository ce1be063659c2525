"""What a translator is to the rest of the product: lines in, lines out, each with what became of it.

Content never raises: a line that could not be translated comes back as it was and says so. Only opening a translator
can fail, with a `Permanent` that says what to install or to set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.recommendation import Language

Status = Literal["ok", "partial", "untranslated"]

# A query waits this long and no longer; bulk callers give their own.
QUERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line after translation.

    `partial` means that some words are still in the source language: `unknown` names them as they stand in `text`.
    """

    text: str
    status: Status
    provider: str
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a translator translates at this moment, and if not, why."""

    ok: bool
    reason: str = ""


@runtime_checkable
class Translator(Protocol):
    """Translates lines between the two languages. Safe to call from several threads.

    `name` and `version` identify what a line would be translated by: they are part of cache keys and of the manifest.
    """

    @property
    def name(self) -> str:
        """The provider's name, as in the settings."""
        ...

    @property
    def version(self) -> str:
        """Changes when the same line may be translated otherwise."""
        ...

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        """Translate each line by itself, in order; `deadline` is in seconds for all of them together."""
        ...

    def healthy(self) -> Health:
        """Probe both directions; what nobody needed yet may be tried once, and does not stay in memory."""
        ...

    def close(self) -> None:
        """Let go of processes and connections; lines come back untranslated afterwards."""
        ...


def untranslated(lines: Sequence[str], provider: str) -> tuple[Line, ...]:
    """The lines as they were, and said so."""
    return tuple(Line(text=line, status="untranslated", provider=provider) for line in lines)
