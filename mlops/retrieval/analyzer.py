"""Text to index terms: lower case, accents folded, no stop words, Snowball stems; documents and queries alike."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import Stemmer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.recommendation import Language

_WORD = re.compile(r"[^\W\d_]{2,}")
_SNOWBALL = {"en": "english", "es": "spanish"}

# Words that say nothing about a dish: articles and prepositions, and what people wrap around the dish they want.
_STOP = {
    "en": frozenset(
        """a an and are as at be by can cook cooking do dish dishes find for from give has have how in into is it make
        made me my need of on or please recipe recipes show some something suggest that the their them then there these
        this to using use want was we what which will with you your would like""".split()
    ),
    "es": frozenset(
        """a al algo algun alguna ante con como cocinar cual de del dame donde el en entre es esta este favor hacer hago
        hecha hecho la las lo los me mi muy necesito para pero plato platos por puedo que quiero receta recetas se sin
        su sus tengo un una unas unos usando y""".split()
    ),
}


def fold(text: str) -> str:
    """Lower case without accents: `Jalapeño` and `jalapeno` meet."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


class Analyzer:
    """Turns text of one language into stems. Not thread-safe (a Snowball stemmer keeps a buffer): one per thread."""

    def __init__(self, language: Language) -> None:
        self._stemmer = Stemmer.Stemmer(_SNOWBALL[language])
        self._stop = _STOP[language]

    def terms(self, text: str) -> list[str]:
        """Return the stems of `text` in order, repeats kept; digits and one-letter words are no terms."""
        words = [word for word in _WORD.findall(fold(text)) if word not in self._stop]
        stems: list[str] = self._stemmer.stemWords(words)
        return stems

    def phrases(self, texts: Iterable[str]) -> list[list[str]]:
        """Return `terms` of each text."""
        return [self.terms(text) for text in texts]
