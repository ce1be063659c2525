"""Apertium's stream format: one text becomes one numbered frame, one frame becomes a text and its unknown words.

Pure. Every frame ends in a numbered blank that the stages carry along untouched; an answer without its number is not an
answer. That is what keeps thousands of lines in flight aligned, and unmasks the empty frames that stages write
when a neighbour dies. Format:
https://wiki.apertium.org/wiki/Apertium_stream_format, and for the surprises, measurements.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_RESERVED = re.compile(r"([\\^$\[\]{}<>/])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# Apertium's own marks (unknown, no translation, no inflection, contraction) cannot be escaped: `\*` comes out as `*`.
# They travel as private characters, which the stages treat as punctuation.
_MARKS = "*@#~"
_PRIVATE = "\ue0a0\ue0a1\ue0a2\ue0a3"
_OUTWARD = str.maketrans(_MARKS + _PRIVATE, _PRIVATE + " " * len(_PRIVATE))
_INWARD = str.maketrans(_PRIVATE, _MARKS)

_MARKED = re.compile(r"(?<!\\)([*@#])(?=[^\W_])")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_UNKNOWN = re.compile(rf"(?<!\\)[*@]({_WORD.pattern})")
_NUMBER = re.compile(r"\[(\d+)\]\n?$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_SOFT = re.compile("[\u00ad\u200b-\u200d\u2060]")
_END = (".", "!", "?", ":", ";", "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A translated text. `unknown` are words left in the source language, `known` how many words were not."""

    text: str
    unknown: tuple[str, ...]
    known: int


def plain(text: str) -> str:
    """One line of composed characters: control characters are blanks, invisible joiners nothing, half pairs `?`."""
    whole = unicodedata.normalize("NFC", text).encode(errors="replace").decode()
    return " ".join(_CONTROL.sub(" ", _SOFT.sub("", whole)).split())


def frame(text: str, number: int) -> bytes:
    """The bytes to send for a plain `text`.

    A full stop where none is keeps the tagger from guessing at an open end; the newline is needed because `lt-proc`
    holds back an answer until it has seen one character more than the last word.
    """
    stop = "" if text.endswith(_END) else "."
    escaped = _RESERVED.sub(r"\\\1", text.translate(_OUTWARD))
    return f"{escaped}{stop}[{number}]\n\0".encode()


def number_of(answer: bytes) -> int | None:
    """The number of the frame that `answer` belongs to, or None where it has lost it."""
    found = _NUMBER.search(answer.decode(errors="replace"))
    return int(found[1]) if found else None


def read(answer: bytes, text: str) -> Reading:
    """Take an answer to `text` apart."""
    body = _NUMBER.sub("", answer.decode(errors="replace"))
    if not text.endswith(_END):
        body = body.rstrip().removesuffix(".")
    unknown = tuple(dict.fromkeys(_UNKNOWN.findall(body)))
    marked = len(_UNKNOWN.findall(body))
    bare = _ESCAPED.sub(r"\1", _MARKED.sub("", body)).translate(_INWARD)
    bare = " ".join(bare.split())
    words = sum(1 for word in _WORD.findall(bare) if not word.isdigit())
    return Reading(text=_like(bare, text), unknown=unknown, known=max(words - marked, 0))


def _like(translated: str, source: str) -> str:
    """Give the first letter the case it had: Apertium opens with a capital whatever it was given."""
    first = next((letter for letter in source if letter.isalpha()), "")
    place = next((place for place, letter in enumerate(translated) if letter.isalpha()), -1)
    if place < 0 or not first:
        return translated
    letter = translated[place].upper() if first.isupper() else translated[place].lower()
    return translated[:place] + letter + translated[place + 1 :]
