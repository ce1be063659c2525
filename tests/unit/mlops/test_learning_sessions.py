"""Feedback as training reads it: what a line may be, and what is made of it."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import Invalid, NotFound
from mlops.learning.sessions import collect, read_sessions

LINE = {
    "ts": "2026-01-01T10:00:00Z",
    "session": "s1",
    "lang": "en",
    "query": "fish soup",
    "shown": ["a", "b", "c"],
    "clicked": ["b"],
    "ratings": {"b": 5},
}


def read(*changes):
    """The reading of a line for each of `changes`, and one whole line so that not all are broken."""
    rows = [LINE | change for change in changes]
    return collect([json.dumps(row).encode() for row in rows], name="test")


def one(**changes):
    (session,) = read(changes).sessions
    return session


def test_a_session_is_read():
    session = one()
    assert (session.query, session.language, session.shown) == ("fish soup", "en", ("a", "b", "c"))
    assert (session.liked, session.ratings, session.who) == ({"b"}, {"b": 5}, "s1")


READ = {
    "a user stands for who it was": ({"user": "ab12"}, "who", "ab12"),
    "blanks of a query are one": ({"query": "  fish \n soup "}, "query", "fish soup"),
    "a recipe shown twice counts at its first place": ({"shown": ["a", "b", "a"]}, "shown", ("a", "b")),
    "a click on what was not shown is none": ({"clicked": ["b", "z"]}, "liked", {"b"}),
    "cooked is as good as clicked": ({"clicked": [], "cooked": ["c"]}, "liked", {"c"}),
    "two stars take the click back": ({"ratings": {"b": 2}}, "liked", set()),
    "three stars do not": ({"ratings": {"b": 3}}, "liked", {"b"}),
    "another language is found out": ({"lang": "fr"}, "language", "auto"),
    "no clicks key, no clicks": ({"clicked": []}, "liked", set()),
}


@pytest.mark.parametrize(("change", "field", "value"), READ.values(), ids=READ)
def test_what_a_line_says(change, field, value):
    assert getattr(one(**change), field) == value


BROKEN = {
    "nothing shown": {"shown": []},
    "shown is a text": {"shown": "a"},
    "ids are numbers": {"shown": [1, 2]},
    "no query": {"query": " "},
    "a query without end": {"query": "x" * 501},
    "no time": {"ts": None},
    "a time that is none": {"ts": "yesterday"},
    "six stars": {"ratings": {"b": 6}},
    "half a star": {"ratings": {"b": 4.5}},
    "stars that are true": {"ratings": {"b": True}},
    "ratings in a list": {"ratings": [5]},
    "more shown than anybody reads": {"shown": [str(n) for n in range(1001)]},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_left_out_and_counted(change):
    reading = read({}, change)
    assert len(reading.sessions) == 1
    assert sum(reading.left_out.values()) == 1


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"1e999"])
def test_a_line_of_another_kind_is_left_out(line):
    reading = collect([json.dumps(LINE).encode(), line], name="test")
    assert (len(reading.sessions), sum(reading.left_out.values())) == (1, 1)


def test_a_file_of_something_else_is_refused_with_the_rule():
    with pytest.raises(Invalid, match="2 of 2 lines are no sessions, most often: nothing was shown"):
        collect([b'{"recipe": 1}', b'{"recipe": 2}'], name="recipes.jsonl")


def test_the_same_line_counts_once():
    reading = read({}, {}, {"session": "s2"})
    assert (len(reading.sessions), reading.repeated) == (2, 1)


def test_sessions_come_in_the_order_of_time_and_the_digest_does_not_mind():
    late, early = {"ts": "2026-01-02T00:00:00+02:00"}, {"ts": "2026-01-01T00:00:00"}
    assert [session.at.day for session in read(late, early).sessions] == [1, 1]
    assert read(late, early).digest == read(early, late).digest
    assert read(late, early).digest != read(late).digest


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["packed", "plain"])
def test_a_file_is_read_packed_or_plain(tmp_path, pack):
    path = tmp_path / "feedback.jsonl"
    path.write_bytes(pack(json.dumps(LINE).encode() + b"\n\n"))
    assert len(read_sessions(path).sessions) == 1


def test_a_damaged_gzip_is_refused(tmp_path):
    path = tmp_path / "feedback.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(LINE).encode() * 1000)[:60])
    with pytest.raises(Invalid, match="damaged gzip"):
        read_sessions(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound):
        read_sessions(tmp_path / "none.jsonl")


def test_an_empty_file_holds_no_session(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert read_sessions(path).sessions == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(LINE)), value=JSON)
def test_whatever_stands_in_a_field_nothing_breaks(key, value):
    reading = collect([json.dumps(LINE).encode(), json.dumps(LINE | {key: value}).encode()], name="test")
    assert len(reading.sessions) + reading.repeated + sum(reading.left_out.values()) == 2
