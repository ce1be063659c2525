"""Ids of requests and answers: random UUIDs (RFC 9562, version 4), whose bytes are asked of the kernel many at a time.

An answer needs two or three of them, and each call of the kernel costs as much as all the rest of an id. They stay
the kernel's: who can guess the id of somebody's answer can send feedback about it.
"""

from __future__ import annotations

import os
from collections import deque

_SIZE, _AT_ONCE = 16, 256


class RandomIds:
    """Makes ids, in any thread."""

    def __init__(self) -> None:
        self._ready: deque[bytes] = deque()

    def __call__(self) -> str:
        """Return one that nobody has had."""
        try:
            drawn = self._ready.popleft()
        except IndexError:
            drawn = os.urandom(_SIZE)
            more = os.urandom(_SIZE * _AT_ONCE)
            self._ready.extend(more[place : place + _SIZE] for place in range(0, len(more), _SIZE))
        text = drawn.hex()
        # The version, and the variant in two bits of a digit.
        variant = "89ab"[drawn[8] & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
