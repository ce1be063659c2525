"""No text is encoded twice, and each has the vector that it had."""

from __future__ import annotations

import numpy as np

from mlops.drift.encoding import once


class Encoder:
    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return np.array([[len(text), ord(text[0])] for text in texts], dtype=np.float32)


def test_a_text_is_encoded_once_however_often_and_in_whatever_order_it_comes():
    encoder = Encoder()
    encode = once(encoder)

    for texts in (["soup", "pie"], ["pie", "tart", "pie"], ["tart", "soup"]):
        assert np.array_equal(encode(texts), Encoder()(texts))

    assert encoder.asked == ["soup", "pie", "tart"]
