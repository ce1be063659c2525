"""Token ids that are put together from those of words, beside those of the library."""

import gzip
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from mlops.corpus.sample import sample_recipes
from mlops.retrieval.documents import semantic_text
from mlops.retrieval.encoder_source import find_encoder
from mlops.retrieval.token_memory import TokenMemory
from mlops.retrieval.tokenizer import SETTINGS_FILE, TOKENIZER_FILE, frame_by_words, open_tokenizer

pytestmark = pytest.mark.contract

SHARED = Path(__file__).parents[3] / "shared" / "data"
ODD = [
    "",
    " ",
    "  two  blanks at both ends ",
    "salt-and-pepper squid, 1/2 cup (8oz.) o'clock...",
    "tab\tnewline\nform\x0cfeed\x0bunit\x1fnul\x00del\x7f",
    "x" * 100,
    "x" * 101,
    "soup " + "x" * 300 + " stew",
    "[SEP]",
    "soup[SEP]stew [CLS] [MASK] [UNK]",
    "[ SEP ]",
    "CLS] ##ing # ##",
    "antidisestablishmentarianism " * 10,
    "a " * 255,
    "to be cut off " * 30,
    "to be cut off and longer than a question " * 40,
    "crème brûlée",
    "中文 食谱",
    "e\u0301 \u0301x a\u00a0b",
]
WORDS = st.sampled_from([*" ".join(ODD).split(" "), "chicken", "Chicken", "noodle"]) | st.text(max_size=12)
ASCII = st.text(st.characters(max_codepoint=127))


def opened(folder, longest):
    folder.mkdir()
    shutil.copyfile(find_encoder().folder / "tokenizer.json", folder / TOKENIZER_FILE)
    (folder / SETTINGS_FILE).write_text(json.dumps({"max_tokens": longest}), encoding="utf-8")
    return open_tokenizer(folder)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("tokenizer") / "encoder", 256)[0]


@pytest.fixture(scope="module")
def memory(tokenizer):
    return TokenMemory(tokenizer, 256)


def ids(memory, texts):
    return [np.frombuffer(text, dtype=np.int32).tolist() for text in memory.ids(texts)]


def librarys(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


@given(texts=st.lists(st.lists(WORDS, max_size=300).map(" ".join) | ASCII | st.text(), max_size=4))
@example(texts=ODD)
@settings(max_examples=300)
def test_the_ids_are_those_of_the_library(tokenizer, memory, texts):
    assert ids(memory, texts) == librarys(tokenizer, texts)
    assert ids(memory, texts) == librarys(tokenizer, texts), "the second time"


@pytest.mark.parametrize("longest", [2, 3, 7])
def test_texts_are_cut_off_where_the_library_does(tmp_path, longest):
    tokenizer, _ = opened(tmp_path / "encoder", longest)
    assert ids(TokenMemory(tokenizer, longest), ODD) == librarys(tokenizer, ODD)


def test_what_cooks_write_has_the_ids_of_the_library(tokenizer, memory):
    recipes = sample_recipes()
    texts = [text for each in recipes for text in (each.title, semantic_text(each), *each.ingredients)]
    assert ids(memory, texts) == librarys(tokenizer, texts)


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data here")
def test_real_queries_have_the_ids_of_the_library(tokenizer, memory):
    with gzip.open(SHARED / "dev_queries.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [text for line in lines for text in json.loads(line).values() if isinstance(text, str)]
    assert ids(memory, texts) == librarys(tokenizer, texts)


def test_several_threads_get_the_same(tokenizer, memory):
    texts = [f"{recipe.title} {place}" for place, recipe in enumerate(sample_recipes())]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: ids(memory, texts), range(8)))
    assert got == [librarys(tokenizer, texts)] * 8


class Counted:
    """A tokenizer that counts the texts which it is asked for."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self.asked = 0

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)

    def encode(self, text, **options):
        self.asked += 1
        return self._tokenizer.encode(text, **options)

    def encode_batch_fast(self, texts):
        self.asked += len(texts)
        return self._tokenizer.encode_batch_fast(texts)


def test_known_words_are_not_asked_for_again(tokenizer):
    counted = Counted(tokenizer)
    memory = TokenMemory(counted, 256)
    memory.ids(["chicken noodle soup"])
    counted.asked = 0
    memory.ids(["soup noodle chicken", "chicken noodle soup"])
    assert counted.asked == 0
    memory.ids(["soup noodle chicken", "crème chicken", "chicken [SEP] soup", "soup " * 200])
    assert counted.asked == 3, "what is not put together from words"


def of_other_normalizer(tokenizer):
    tokenizer.normalizer = Lowercase()


def of_other_words(tokenizer):
    tokenizer.pre_tokenizer = Metaspace()


def of_other_frame(tokenizer):
    tokenizer.post_processor = TemplateProcessing(single="[CLS] [CLS] $A", special_tokens=[("[CLS]", 101)])


def of_phrases(tokenizer):
    tokenizer.add_tokens([AddedToken("chicken soup")])


@pytest.mark.parametrize("change", [of_other_normalizer, of_other_words, of_other_frame, of_phrases])
def test_another_tokenizer_is_asked_for_every_text(tokenizer, change):
    other = Tokenizer.from_str(tokenizer.to_str())
    assert frame_by_words(other) is not None
    change(other)
    assert frame_by_words(other) is None
    texts = ["chicken soup", "Chicken-soup with  rice"]
    assert ids(TokenMemory(other, 256), texts) == librarys(other, texts)
