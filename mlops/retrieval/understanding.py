"""What a query asks for: its language, its English reading, hard filters said in words, and a pantry to cook from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlops.retrieval.constraints import read_constraints
from mlops.retrieval.pantry import expand, read_pantry

if TYPE_CHECKING:
    from mlops.recommendation import Ask, Filters, Language
    from mlops.translation.language import Detected
    from mlops.translation.query import EnglishQuery

# Below this the detector is guessing ("pasta", "tacos"): both languages are searched.
SURE = 0.6


class Detector(Protocol):
    """Tells English from Spanish."""

    def detect(self, text: str) -> Detected:
        """Name the likelier language of `text` and how sure that is (0..1)."""
        ...


class ToEnglish(Protocol):
    """Turns a Spanish query into English as well as it can; never raises for content."""

    def to_english(self, text: str) -> EnglishQuery:
        """Translate `text`; the result says whether it was translated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """The two things that understanding needs from `mlops.translation`."""

    detector: Detector
    english: ToEnglish


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A query taken apart.

    `english` is what is searched for, `spanish` the same in Spanish where that is worth a search of its own, `pantry`
    a set of English words per thing to cook from. `translated` is false where Spanish could not be turned into English.
    """

    language: Language
    english: str
    spanish: str | None
    pantry: tuple[frozenset[str], ...] | None
    filters: Filters
    translated: bool
    notes: tuple[str, ...] = ()


def understand(ask: Ask, languages: Languages) -> Understood:
    """Take `ask` apart. Filters said in words are added to those given as parameters."""
    detected = languages.detector.detect(ask.text) if ask.language == "auto" else None
    language: Language = detected.language if detected is not None else ask.language  # type: ignore[assignment] # "auto" is gone
    constraints = read_constraints(ask.text, to_english=lambda word: languages.english.to_english(word).text)
    pantry = read_pantry(constraints.residual)
    english, translated = constraints.residual, True
    if language == "es":
        reading = languages.english.to_english(constraints.residual)
        english, translated = reading.text, reading.translated
    unsure = detected is not None and detected.confidence < SURE
    return Understood(
        language=language,
        english=english,
        spanish=constraints.residual if language == "es" or unsure else None,
        pantry=None if pantry is None else tuple(_group(group, language, languages) for group in pantry.groups),
        filters=ask.filters.merged(constraints.filters),
        translated=translated,
        notes=() if translated else ("the query could not be put into English; its words were searched as they are",),
    )


def _group(alternatives: tuple[str, ...], language: Language, languages: Languages) -> frozenset[str]:
    """The English words of which any one means that a recipe uses this thing: for fish also salmon, cod and trout."""
    words = alternatives
    if language == "es":
        words = tuple(languages.english.to_english(word).text for word in alternatives)
    return frozenset(member for word in words for member in expand(word))
