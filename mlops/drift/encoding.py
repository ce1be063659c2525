"""Turning texts into vectors, which costs more than all else that is done about them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

# Texts to float32 (texts, dimension).
Encode: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]


def once(encode: Encode) -> Encode:
    """The same vectors, each text being encoded when it is first asked for: windows share a reference and a stream.

    What it remembers goes with it.
    """
    known: dict[str, NDArray[np.float32]] = {}

    def remembered(texts: Sequence[str]) -> NDArray[np.float32]:
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known.update(zip(fresh, encode(fresh), strict=True))
        return np.stack([known[text] for text in texts])

    return remembered
