"""A retraining tries again where what failed may pass."""

import pytest

from mlops.embedded import retraining_job
from mlops.embedded.retraining_job import BACK_OFF_SECONDS, retrain
from mlops.errors import Permanent, Transient


def outcomes(monkeypatch, *come):
    """Let the tries end as in `come`, and return the seconds that were waited between them."""
    left, waited = list(come), []

    def once(*_):
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(retraining_job, "_retrain", once)
    return waited


def test_a_registry_that_comes_back_is_waited_for_longer_each_time(monkeypatch):
    waited = outcomes(monkeypatch, Transient("away"), Transient("away"), {"message": "done"})
    assert retrain(None, None, None, None, waited.append) == {"message": "done"}
    assert waited == list(BACK_OFF_SECONDS[:2])
    assert waited == sorted(waited)


def test_one_that_does_not_is_given_up(monkeypatch):
    waited = outcomes(monkeypatch, *[Transient("away")] * 4)
    with pytest.raises(Transient):
        retrain(None, None, None, None, waited.append)
    assert waited == list(BACK_OFF_SECONDS)


def test_what_will_not_pass_is_not_tried_again(monkeypatch):
    waited = outcomes(monkeypatch, Permanent("no recipes"))
    with pytest.raises(Permanent):
        retrain(None, None, None, None, waited.append)
    assert waited == []
