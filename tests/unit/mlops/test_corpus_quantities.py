"""Times and yields written for people, and texts before they are kept."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.corpus.quantities import minutes_of, servings_of
from mlops.corpus.texts import clean, folded, text_fault


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("45", 45),
        ("45 min", 45),
        ("45 minutos", 45),
        ("1 h 20 min", 80),
        ("1h20", 80),
        ("1h20m", 80),
        ("1:20", 80),
        ("00:45:00", 45),
        ("1 hour, 5 minutes", 65),
        ("2 horas y 10 minutos", 130),
        ("una hora y media", 90),
        ("media hora", 30),
        ("half an hour", 30),
        ("1 hora y cuarto", 75),
        ("1 1/2 hours", 90),
        ("1½ h", 90),
        ("1,5 horas", 90),
        ("90 s", 2),
        ("1 day", 1440),
        ("about 30 minutes", 30),
        ("unas 2 horas", 120),
        ("PT1H20M", 80),
        ("pt90m", 90),
        ("P1DT2H", 1560),
        ("0", 0),
    ],
)
def test_a_time_is_read_as_minutes(text, minutes):
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("20-30 min", 30), ("20 to 30 minutes", 30), ("2 a 3 horas", 180), ("20 min - 30 min", 30)],
)
def test_of_a_range_the_longer_time_counts(text, minutes):
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    "text",
    ["", "soon", "overnight", "min", "-5", "5 min 5 min", "10 min 1 h", "1/0 h", "1,200", "P1Y", "PT", "P", "9" * 200,
     "20 minutes plus chilling", "1 h " * 1000, "½" * 79, "PT99999999999999999999999H99999999999999999999M99S"],
)  # fmt: skip
def test_what_is_no_time_is_not_guessed(text):
    assert minutes_of(text) is None or minutes_of(text) > 10080


@given(st.integers(0, 167), st.integers(0, 59))
def test_hours_and_minutes_are_read_in_every_notation(hours, minutes):
    total = 60 * hours + minutes
    for text in (f"{hours} h {minutes} min", f"{hours}:{minutes:02d}", f"PT{hours}H{minutes}M", str(total)):
        assert minutes_of(text) == total


@given(st.text(max_size=90))
def test_any_text_is_read_or_refused_and_never_breaks(text):
    for value in (minutes_of(text), servings_of(text)):
        assert value is None or value >= 0


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("4", 4),
        ("4 servings", 4),
        ("4-6 personas", 4),
        ("Serves 4", 4),
        ("Para 6 personas", 6),
        ("2 loaves", None),
        ("one 9-inch pie", None),
        ("a few", None),
        ("", None),
    ],
)
def test_servings_are_people_and_not_loaves(text, people):
    assert servings_of(text) == people


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("salt\x00", "holds a control character, U+0000, at character 5"),
        ("\x1b[31mred", "holds a control character, U+001B, at character 1"),
        ("\x85\x86", "holds a control character, U+0086, at character 2"),
        ("egg \ud800", "holds half a surrogate pair, U+D800, at character 5"),
        ("", "is blank"),
        (" \t\n ", "is blank"),
        ("\u200b\u200d\u00a0", "is blank"),
    ],
)
def test_a_text_that_cannot_be_kept_says_why(text, fault):
    assert text_fault(text) == fault


@pytest.mark.parametrize("text", ["1 egg", "🍕", "=1+1", "piña", "a\tb\nc", "'; DROP TABLE recipes; --", "👩‍🍳 stew"])
def test_ordinary_text_has_no_fault(text):
    assert text_fault(text) is None


def test_line_breaks_become_spaces_and_accents_are_composed():
    assert clean("  cre\u0300me\r\n\t bru\u0302le\u0301e\u2028x ") == "crème brûlée x"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


def test_folding_meets_case_accents_and_spacing():
    assert folded("  Crème   BRÛLÉE\n") == folded("creme brulee")
