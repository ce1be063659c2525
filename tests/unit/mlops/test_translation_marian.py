"""MarianMT's batches and deadlines, on engines that stand in for the weights that nobody ships."""

import sys
from types import ModuleType

import pytest

from mlops.translation.marian import BATCH, MarianTranslator


class Clock:
    """Ten seconds pass with every look at it."""

    now = 0.0

    def __call__(self):
        self.now += 10
        return self.now


class _Processor:
    def __init__(self, model_file):
        assert model_file.endswith(("source.spm", "target.spm"))

    def encode(self, line, out_type):
        return line.split()

    def decode(self, tokens):
        return " ".join(tokens)


class _Hypothesis:
    def __init__(self, tokens):
        self.hypotheses = [tokens]


class _Model:
    def __init__(self, folder, device, intra_threads):
        assert device == "cpu"

    def translate_batch(self, batch):
        assert all(tokens[-1] == "</s>" for tokens in batch)
        if any("boom" in tokens for tokens in batch):
            raise RuntimeError("out of memory")
        return [_Hypothesis([token.upper() for token in tokens[:-1]]) for tokens in batch]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the CTranslate2 layout, and libraries with the same calls that shout instead of translating."""
    for direction in ("es-en", "en-es"):
        (tmp_path / direction).mkdir()
        (tmp_path / direction / "model.bin").write_bytes(b"weights")
    ctranslate2, sentencepiece = ModuleType("ctranslate2"), ModuleType("sentencepiece")
    ctranslate2.Translator = _Model
    sentencepiece.SentencePieceProcessor = _Processor
    monkeypatch.setitem(sys.modules, "ctranslate2", ctranslate2)
    monkeypatch.setitem(sys.modules, "sentencepiece", sentencepiece)
    return tmp_path


def test_lines_are_translated_in_order(folder):
    translator = MarianTranslator(folder)
    lines = [f"sal {number}" for number in range(BATCH * 2 + 1)]
    assert [line.text for line in translator.translate(lines, "es", "en", deadline=60)] == [x.upper() for x in lines]
    assert translator.healthy().ok


def test_batches_after_the_deadline_are_not_begun(folder):
    translator = MarianTranslator(folder, clock=Clock())
    answers = translator.translate(["sal"] * BATCH * 3, "es", "en", deadline=15)
    assert [line.status for line in answers] == ["ok"] * BATCH + ["untranslated"] * 2 * BATCH


def test_a_model_that_fails_leaves_its_batch_and_goes_on(folder):
    translator = MarianTranslator(folder)
    answers = translator.translate(["boom"] + ["sal"] * BATCH, "es", "en", deadline=60)
    assert [line.status for line in answers] == ["untranslated"] * BATCH + ["ok"]


def test_after_closing_nothing_is_translated(folder):
    translator = MarianTranslator(folder)
    translator.close()
    assert translator.translate(["sal"], "es", "en")[0].status == "untranslated"
    assert translator.healthy().reason == "closed"


def test_other_weights_are_another_version(folder):
    before = MarianTranslator(folder).version
    (folder / "es-en" / "model.bin").write_bytes(b"other weights")
    assert MarianTranslator(folder).version != before
