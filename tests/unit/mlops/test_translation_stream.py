"""Apertium's stream format, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.translation.apertium import LONGEST_PIECE, split
from mlops.translation.stream import frame, number_of, plain, read


def through_nothing(text, number=0):
    """What stages that change nothing would answer."""
    return frame(text, number).removesuffix(b"\0")


def answer(spanish, number=0):
    return f"{spanish}.[{number}]\n".encode()


@given(st.text(), st.integers(0, 10**9))
def test_a_text_that_no_stage_changes_comes_back_as_it_was(text, number):
    sent = plain(text)
    reading = read(through_nothing(sent, number), sent)
    assert reading.text == " ".join(sent.translate(str.maketrans("\ue0a0\ue0a1\ue0a2\ue0a3", "    ")).split())
    assert reading.unknown == ()


@given(st.text(), st.integers(0, 10**9))
def test_a_frame_has_one_end_and_carries_its_number(text, number):
    sent = frame(plain(text), number)
    assert sent.count(b"\0") == 1
    assert sent.endswith(b"\n\0")
    assert number_of(sent[:-1]) == number


@given(st.text())
def test_a_plain_text_is_one_line_of_valid_unicode(text):
    cleaned = plain(text)
    assert cleaned == plain(cleaned)
    assert not set(cleaned) & set("\0\n\r\t\u2028")
    cleaned.encode()


@pytest.mark.parametrize(
    "given", ["me\u0301lange", "so\u00adup", "so\u200bup"], ids=["decomposed", "soft", "zero width"]
)
def test_what_the_eye_does_not_see_does_not_hide_a_word(given):
    assert plain(given) in ("mélange", "soup")


@pytest.mark.parametrize(
    ("body", "text", "unknown", "known"),
    [
        ("Sopa de pollo", "soup of chicken", (), 3),
        ("Sopa de *verjuice", "soup of verjuice", ("verjuice",), 2),
        ("*Verjuice y *verjuice", "x", ("Verjuice", "verjuice"), 1),
        ("Un @tart abierto", "an open tart", ("tart",), 2),
        ("Cortadas a #tira", "cut into strips", (), 3),
        ("*chef's", "x", ("chef's",), 0),
        ("1\\/2 \\{taza\\}", "1/2 {cup}", (), 1),
    ],
)
def test_marks_are_read_and_removed(body, text, unknown, known):
    reading = read(answer(body), text)
    assert (reading.unknown, reading.known) == (unknown, known)
    assert not set("*@#") & set(reading.text)


@pytest.mark.parametrize("mark", ["*", "#", "@", "~"])
def test_a_mark_in_the_text_itself_is_no_mark(mark):
    text = f"{mark}star and 2 {mark} 3"
    reading = read(through_nothing(text), text)
    assert (reading.text, reading.unknown) == (text, ())


@pytest.mark.parametrize(
    ("source", "answered", "shown"),
    [
        ("onion", "Cebolla", "cebolla"),
        ("Onion", "cebolla", "Cebolla"),
        ("you must mix", " Tienes que mezclar", "tienes que mezclar"),
        ("2 onions", "2 Cebollas", "2 cebollas"),
    ],
)
def test_the_first_letter_keeps_its_case(source, answered, shown):
    assert read(answer(answered), source).text == shown


def test_only_the_full_stop_that_was_added_is_taken_away():
    assert read(b"Hola.[0]\n", "hello").text == "hola"
    assert read(b"Hola.[0]\n", "hello.").text == "hola."


@pytest.mark.parametrize("lost", [b"", b"hola", b"hola.", b"[x]\n", b"[1] hola\n"])
def test_an_answer_without_its_number_has_none(lost):
    assert number_of(lost) is None


@given(st.text(alphabet="ab .;\u00f1", max_size=5000))
def test_long_texts_are_cut_without_losing_a_word(text):
    sent = plain(text)
    pieces = split(sent)
    assert " ".join(" ".join(pieces).split()).replace(" ", "") == sent.replace(" ", "")
    assert all(0 < len(piece) <= LONGEST_PIECE for piece in pieces)


def test_a_long_text_is_cut_at_sentences():
    sentence = "Mix " + "well " * 100 + "now."
    assert split(" ".join([sentence] * 5)) == (sentence,) * 5
