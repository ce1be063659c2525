"""English or Spanish? The glossary says what the words mean, a statistical detector judges those that it lacks.

Letters alone mislead on queries of two words ("curry vegano", "pollo"), where one kitchen word settles the
matter; words that both languages use ("pasta", "tacos al pastor") settle nothing, and say so by a confidence below
0.6. The only importer of lingua. Measured: right on 99.6 % of 718 development queries and 98.5 % of 14,664 dish names,
where lingua alone is right on 98 % and 96 %.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from mlops.translation.glossary import fold, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops.recommendation import Language
    from mlops.translation.glossary import Entry, Glossary

# A query has 500 characters at most; of a longer text the beginning tells as much.
LONGEST = 500
# Said of what fits both languages; a reader takes anything below 0.6 as undecided.
UNDECIDED = 0.55

_WORD = re.compile(r"[^\W\d_]+")
_SPANISH_LETTER = re.compile(r"[ñáéíóúü]")
_SPANISH_MARK = re.compile(r"[¿¡]")
# All in units of log odds. A word's weight is bounded, so that no single one outweighs two others; one below the floor
# belongs to both languages. The detector gets its say by the word: it guesses at single ones.
_MOST, _LEAST = 2.0, 0.7
_BELIEF_PER_WORD = 0.4
_LETTER_WEIGHT = 1.5
_MARK_WEIGHT = 6.0
_JUDGED_KEPT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The likelier language and its probability; 0 where there is nothing to go by, below 0.6 where both fit."""

    language: Language
    confidence: float


class LanguageDetector:
    """Tells English from Spanish. Safe to call from several threads."""

    def __init__(self, glossary: Glossary) -> None:
        from lingua import Language as Known  # noqa: PLC0415 - a large library, wanted by those who detect only
        from lingua import LanguageDetectorBuilder  # noqa: PLC0415

        # Trigrams alone take 10 MB instead of 95; beside the glossary that costs 0.05 % of the dish names.
        letters = (
            LanguageDetectorBuilder.from_languages(Known.ENGLISH, Known.SPANISH)
            .with_low_accuracy_mode()
            .with_preloaded_language_models()
            .build()
        )
        self._glossary = glossary.indexed("es")
        self._weights = _weights(glossary)
        self._loan_words = _loan_words(glossary)
        # The same words come again and again. A method would do, but hold on to the detector of a model that is gone.
        self._spanish_by_letters = lru_cache(maxsize=_JUDGED_KEPT)(
            lambda words: float(letters.compute_language_confidence(words, Known.SPANISH))
        )
        # The first question costs lingua some 50 ms more than any other; no request shall ask it.
        self._judged(("a",))

    def detect(self, text: str) -> Detected:
        """Name the language of `text`."""
        start = unicodedata.normalize("NFC", text[:LONGEST]).lower()
        words = _WORD.findall(start)
        if not words:
            return Detected(language="en", confidence=0.0)
        if not self._loan_words.isdisjoint(map(fold, words)):
            words = _WORD.findall(self._without_loans(start))
        strange, telling = [], []
        for word in words:
            weight = self._weights.get(fold(word))
            if weight is None:
                strange.append(word)
            elif abs(weight) >= _LEAST:
                telling.append(weight)
        marked = bool(_SPANISH_MARK.search(start))
        if not strange and not telling and not marked:
            return Detected(language="en", confidence=UNDECIDED)
        odds = sum(telling) + self._judged(strange) + (_MARK_WEIGHT if marked else 0.0)
        spanish = 1 / (1 + math.exp(-odds))
        if odds > 0:
            return Detected(language="es", confidence=spanish)
        return Detected(language="en", confidence=1 - spanish)

    def _without_loans(self, text: str) -> str:
        """The text without phrases that are the same in both languages, such as "tacos al pastor"."""
        kept, last = [], 0
        for span in self._glossary.match(text, "es"):
            if _is_loan(span.entry):
                kept.append(text[last : span.start])
                last = span.end
        return " ".join([*kept, text[last:]])

    def _judged(self, words: Sequence[str]) -> float:
        """Log odds for Spanish of words that the glossary lacks."""
        if not words:
            return 0.0
        likely = min(max(self._spanish_by_letters(" ".join(words)), 1e-6), 1 - 1e-6)
        bound = min(_BELIEF_PER_WORD * len(words), _MOST)
        accented = sum(1 for word in words if _SPANISH_LETTER.search(word))
        return max(-bound, min(bound, math.log(likely / (1 - likely)))) + _LETTER_WEIGHT * accented


def _is_loan(entry: Entry) -> bool:
    return fold(entry.es) == fold(entry.en)


def _loan_words(glossary: Glossary) -> frozenset[str]:
    """The longest word of every loan: a text with none of these has no loan, and few have one without the other."""
    written = (_WORD.findall(fold(entry.es)) for entry in glossary.entries if _is_loan(entry))
    return frozenset(max(words, key=len) for words in written if words)


def _weights(glossary: Glossary) -> dict[str, float]:
    """Log odds of Spanish for each word, by how many phrases of either side it is in (naive Bayes, plus one half)."""
    spanish = Counter(chain.from_iterable(_words_once(entry.es) for entry in glossary.entries))
    english = Counter(chain.from_iterable(_words_once(entry.en) for entry in glossary.entries))
    return {
        word: max(-_MOST, min(_MOST, math.log((spanish[word] + 0.5) / (english[word] + 0.5))))
        for word in spanish.keys() | english.keys()
    }


def _words_once(phrase: str) -> Iterable[str]:
    """Each word of a phrase, folded."""
    words = set(words_of(phrase))
    return words if phrase.isascii() else map(fold, words)
