"""Fine-tuning the real encoder on a few pairs: it learns, it goes on where it was stopped, and its result is an encoder."""

import json

import numpy as np
import pytest

from mlops.errors import Conflict, Invalid
from mlops.retrieval.encoder import Encoder
from mlops.retrieval.encoder_source import find_encoder, write_encoder

pytestmark = [pytest.mark.contract, pytest.mark.training]
pytest.importorskip("sentence_transformers")

from mlops.learning.fine_tuning import FineTuning, fine_tune  # noqa: E402 - needs the training extra

# Names that no language model has heard of, so that what is learned is learned here.
DISHES = {
    "blorven": "chicken stew with prunes", "quistel": "cold almond soup", "fandrake": "lentils with chorizo",
    "mirpol": "rice pudding with cinnamon", "zubran": "grilled sardines with lemon", "trelk": "apple and walnut cake",
    "oskavit": "beetroot salad with dill", "nembi": "cheese and onion pie",
}  # fmt: skip
PAIRS = [(name, f"{dish}. {dish}. salt") for name, dish in DISHES.items()] * 4
HOW = FineTuning(epochs=3, batch=8, rate=2e-4)


def tuned(out, how=HOW, pairs=PAIRS):
    return fine_tune(find_encoder().folder, pairs, out, how, lambda *_: None)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned") / "encoder"
    return out, tuned(out)


def nearest(folder):
    encoder = Encoder.load(folder)
    names, dishes = encoder.encode(list(DISHES)), encoder.encode([pair[1] for pair in PAIRS[: len(DISHES)]])
    return float((np.argmax(names @ dishes.T, axis=1) == np.arange(len(DISHES))).mean())


def test_the_loss_falls_and_what_belongs_together_is_found(result, tmp_path):
    out, done = result
    assert done.losses[-1] < done.losses[0]
    write_encoder(find_encoder(), tmp_path / "before")
    write_encoder(find_encoder(str(out)), tmp_path / "after")
    assert nearest(tmp_path / "after") > nearest(tmp_path / "before")


def test_no_pickle_is_written(result):
    assert not [path for path in result[0].rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]


def test_a_run_that_was_stopped_goes_on(result, tmp_path, monkeypatch):
    from mlops.learning import fine_tuning  # noqa: PLC0415

    real, calls = fine_tuning._epoch, []  # noqa: SLF001

    def stopped(*arguments):
        calls.append(arguments[3])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(fine_tuning, "_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "encoder")
    done = tuned(tmp_path / "encoder")
    assert calls == [0, 1, 1, 2]
    assert done.losses == pytest.approx(result[1].losses, rel=0.02)
    assert json.loads((tmp_path / "encoder" / "fine_tuning.json").read_text())["losses"] == list(done.losses)


def test_what_cannot_be_done_is_refused(result, tmp_path):
    with pytest.raises(Conflict):
        tuned(result[0])
    with pytest.raises(Invalid, match="8 of one batch"):
        tuned(tmp_path / "out", pairs=PAIRS[:7])
