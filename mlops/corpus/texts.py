"""What a text must be before it is kept: one spelling per string, and nothing invisible that breaks what shows it."""

from __future__ import annotations

import re
import unicodedata

# Tabs and line breaks are not among them: they become spaces.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_BREAKS = re.compile(r"\s*[\t\n\x0b\x0c\r\x85\u2028\u2029]\s*")


def text_fault(text: str) -> str | None:
    """Say in words why `text` cannot be kept, or return None."""
    found = _FORBIDDEN.search(text)
    if found is not None:
        point = ord(found.group())
        kind = "half a surrogate pair" if point >= 0xD800 else "a control character"  # noqa: PLR2004 - Unicode's own
        return f"holds {kind}, U+{point:04X}, at character {found.start() + 1}"
    if all(unicodedata.category(char)[0] in "ZC" for char in text):
        return "is blank"
    return None


def clean(text: str) -> str:
    """Strip, put spaces for line breaks and tabs, and compose accents (Unicode form NFC)."""
    return unicodedata.normalize("NFC", _BREAKS.sub(" ", text).strip())


def folded(text: str) -> str:
    """Lower case, without accents, single spaces.

    Names of recipes are derived from this, so it never changes; `mlops.retrieval.analyzer.fold` may.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
