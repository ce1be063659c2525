"""Chores beside the service: begun when files have grown, never two of one, and again after a failure."""

import os
import sys
import time

import pytest

from mlops.embedded.chores import Chore

pytestmark = pytest.mark.contract

PROGRAM = """
import os, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "pid").write_text(str(os.getpid()))
with (folder / "done").open("a") as done:
    done.write(sys.argv[2] + " ")
while (folder / "wait").exists():
    time.sleep(0.01)
sys.exit((folder / "fail").exists())
"""


class Place:
    def __init__(self, folder):
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir()
        self.chore = Chore("test", self.files, self.command, folder / "log")

    def command(self, first):
        return [sys.executable, "-c", PROGRAM, str(self.folder), "first" if first else "later"]

    def grow(self, name="a_20260101.jsonl"):
        with (self.files / name).open("a") as stream:
            stream.write("{}\n")

    @property
    def done(self):
        path = self.folder / "done"
        return path.read_text().split() if path.exists() else []

    def look_until(self, condition):
        while not condition():
            self.chore.look()
            time.sleep(0.01)

    def at_rest(self):
        """Look until the child that runs has ended and was noted, and once more."""
        self.look_until(lambda: not self.chore.running)
        self.chore.look()


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.chore.stop()


def test_nothing_new_begins_nothing(place):
    place.chore.look()
    place.grow()
    place.look_until(lambda: place.done)
    place.at_rest()
    assert (place.done, place.chore.running) == (["first"], False)


def test_what_has_grown_is_done_again_and_told_that_it_is_not_the_first(place):
    place.grow()
    place.look_until(lambda: place.done)
    place.at_rest()
    place.grow()
    place.look_until(lambda: len(place.done) == 2)
    assert place.done == ["first", "later"]


def test_never_two_at_once_and_what_grows_meanwhile_is_done_afterwards(place):
    (place.folder / "wait").touch()
    place.grow()
    place.look_until(lambda: place.done)
    place.grow()
    for _ in range(3):
        place.chore.look()
    assert place.done == ["first"]
    (place.folder / "wait").unlink()
    place.look_until(lambda: place.done == ["first", "later"])


def test_one_that_fails_is_done_again_as_if_it_were_the_first(place):
    (place.folder / "fail").touch()
    place.grow()
    place.look_until(lambda: len(place.done) == 2)
    assert place.done == ["first", "first"]


def test_the_end_of_the_service_ends_it(place):
    (place.folder / "wait").touch()
    place.grow()
    place.look_until(lambda: place.done)
    place.chore.stop()
    assert not place.chore.running
    with pytest.raises(ProcessLookupError):
        os.kill(int((place.folder / "pid").read_text()), 0)
