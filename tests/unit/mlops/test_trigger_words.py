"""What is looked for first, so that most queries are not searched for phrases: it may hide none of them."""

import pytest

from mlops.retrieval.constraints import DIET, read_constraints
from mlops.retrieval.exclusion_triggers import ENDING, FORMS, ONE_WORD, endings, leaves_out, one_word, openings
from mlops.retrieval.limits import HOURS, MINUTES, read_limits
from mlops.retrieval.query_text import QueryText
from mlops.translation.glossary import Glossary, fold
from mlops.translation.language import UNDECIDED, LanguageDetector
from tests.builders.pattern_phrases import phrases

AN_HOUR_AT_MOST = """half an hour|half-hour|media hora|three quarters of an hour|tres cuartos de hora
a quarter of an hour|cuarto de hora|hora y media|hour and a half""".replace("\n", "|").split("|")


def test_phrases_are_every_alternative_with_and_without_what_is_optional():
    assert phrases(r"(?<!\w)(?:no|sin)(?: salt)?(?!\w)|x[ab]\d{1,2}") == {
        "no", "sin", "no salt", "sin salt", "xa3", "xb3", "xa33", "xb33",
    }  # fmt: skip


@pytest.mark.parametrize("form", [form for forms in FORMS.values() for form in forms])
def test_no_opening_is_hidden(form):
    assert not [phrase for phrase in phrases(form) if not leaves_out(f"soup {phrase} eggs")]


@pytest.mark.parametrize("pattern", [ENDING, ONE_WORD])
def test_no_ending_and_no_single_word_is_hidden(pattern):
    assert not [phrase for phrase in phrases(pattern.pattern) if not leaves_out(f"egg{phrase}")]


@pytest.mark.parametrize("line", ["soup", "tomato soup with mint", "sopa de tomate con menta"])
def test_most_queries_leave_nothing_out(line):
    assert not leaves_out(line)
    assert not [*openings(line), *endings(line), *one_word(line)]


def test_no_diet_is_hidden():
    asked = {phrase for phrase in phrases(DIET.pattern) if DIET.search(phrase)}
    assert len(asked) > 100
    assert not [phrase for phrase in asked if not read_constraints(phrase).filters.diets]


@pytest.mark.parametrize("unit", sorted(phrases(MINUTES) | phrases(HOURS)))
@pytest.mark.parametrize("joined", ["2 {}", "2-{}", "2{}", "two {}", "under 1.5 {} for fish"])
def test_no_unit_of_time_is_hidden(unit, joined):
    assert read_limits(QueryText(joined.format(unit))).max_minutes


@pytest.mark.parametrize("said", AN_HOUR_AT_MOST)
def test_no_part_of_an_hour_is_hidden(said):
    assert read_limits(QueryText(said)).max_minutes


def test_no_loan_is_hidden_from_the_detector():
    glossary = Glossary.shipped()
    loans = [entry.es for entry in glossary.entries if fold(entry.es) == fold(entry.en)]
    detector = LanguageDetector(glossary)
    assert len(loans) > 200
    # Of a loan alone there is nothing to tell, whatever its words are in other phrases.
    assert not [loan for loan in loans if detector.detect(loan).confidence != UNDECIDED]
