"""The tokenizer of an encoder, as both encoders use it. The only importer of tokenizers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from mlops.errors import TRAIN_AGAIN, Permanent

__all__ = ["SETTINGS_FILE", "TOKENIZER_FILE", "Tokenizer", "frame_by_words", "open_tokenizer"]

if TYPE_CHECKING:
    from pathlib import Path

TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "encoder.json"


def open_tokenizer(folder: Path) -> tuple[Tokenizer, int]:
    """Return the tokenizer in `folder`, which cuts texts off, and the number of tokens at which it does.

    Raises Permanent naming what is missing or damaged.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / SETTINGS_FILE).read_bytes())
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        longest = int(settings["max_tokens"])
    except Exception as error:  # the library raises bare Exceptions of its own for a damaged file
        raise Permanent(
            f"encoder in {folder} cannot be loaded: {error}",
            hint=TRAIN_AGAIN,
        ) from error
    tokenizer.enable_truncation(max_length=longest)
    tokenizer.no_padding()
    return tokenizer, longest


def frame_by_words(tokenizer: Tokenizer) -> tuple[list[int], list[int]] | None:
    """Return the ids before and after those of a text, where these are the ids of what stands between its blanks.

    So it is in BERT's way to tokenize, of a text in ASCII without a special token's name, none of which lacks a "[";
    None for another tokenizer.
    """
    if not (isinstance(tokenizer.normalizer, BertNormalizer) and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)):
        return None
    if any("[" not in token.content for token in tokenizer.get_added_tokens_decoder().values()):
        return None
    word, framed = (tokenizer.encode("a", add_special_tokens=special).ids for special in (False, True))
    return (framed[:1], framed[-1:]) if framed[1:-1] == word else None
