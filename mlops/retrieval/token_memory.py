"""What the tokenizer makes of a text, put together from what it made of each word before.

Tokenizing eight questions takes the library as long as a quarter of encoding them; what people cook has few words.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlops.retrieval.tokenizer import frame_by_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.retrieval.tokenizer import Tokenizer

# Some 2 MB of words. What is longer than any question is no question: its words would only be in the way of others.
_WORDS, _LONGEST_TEXT = 8192, 512
# Tokens before and after a text's own, and bytes of a token.
_FRAME, _BYTES = 2, np.dtype(np.int32).itemsize


class TokenMemory:
    """Token ids as `tokenizer` gives them, which cuts texts off at `longest`. Safe to use from several threads."""

    def __init__(self, tokenizer: Tokenizer, longest: int) -> None:
        self._tokenizer = tokenizer
        # Of less room than that the library has its own opinion.
        frame = frame_by_words(tokenizer) if longest > _FRAME else None
        self._frame = None if frame is None else tuple(map(_packed, frame))
        self._room = (longest - _FRAME) * _BYTES
        # A method would do, but hold on to the tokenizer of a model that is gone.
        self._word = lru_cache(maxsize=_WORDS)(
            lambda word: _packed(tokenizer.encode(word, add_special_tokens=False).ids)
        )

    def ids(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text, int32 one behind the other."""
        known = [self._from_words(text) for text in texts]
        unknown = [text for text, ids in zip(texts, known, strict=True) if ids is None]
        tokenized = iter(self._tokenizer.encode_batch_fast(unknown) if unknown else ())
        return [_packed(next(tokenized).ids) if ids is None else ids for ids in known]

    def _from_words(self, text: str) -> bytes | None:
        """None for what is left to the library: see `frame_by_words`."""
        if self._frame is None or len(text) > _LONGEST_TEXT or not text.isascii() or "[" in text:
            return None
        first, last = self._frame
        return first + b"".join(map(self._word, text.split(" ")))[: self._room] + last


def _packed(ids: list[int]) -> bytes:
    return np.array(ids, dtype=np.int32).tobytes()
